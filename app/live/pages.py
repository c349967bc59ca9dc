"""`/live`: tells a page in a browser that something about what it shows has changed. What it is, the page asks for again."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from app.accounts.deps import AppRequest
from app.live.routes import open_stream
from app.live.stream import Topic
from app.models.status import Role
from app.runs.service import RunService
from app.test_runs.samples import heard_names
from app.workflows.service import WorkflowService


@get("/live", role=Role.VIEWER, stream=True)
async def live_hints(
    request: AppRequest,
    runs: NamedDependency[RunService],
    workflows: NamedDependency[WorkflowService],
    run: FromQuery[UUID | None] = None,
    workflow: FromQuery[UUID | None] = None,
    trigger: FromQuery[str] = "",
) -> Stream:
    """Of a run, of a workflow, of events that a trigger of its draft listens for, or of all of the workspace."""
    if run is not None:
        await runs.get(run)
    elif workflow is not None and trigger:
        flow = workflows.draft(await workflows.get(workflow)).flow
        names = heard_names([one for one in flow.triggers if one.id == trigger])
        return open_stream(request, Topic(hints=True, events=tuple(names) or ("",)))
    elif workflow is not None:
        await runs.require_workflow(workflow)
    return open_stream(request, Topic(run, workflow, hints=True))


ROUTES = [live_hints]
