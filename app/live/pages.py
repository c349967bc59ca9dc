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


@get("/live", role=Role.VIEWER, stream=True)
async def live_hints(
    request: AppRequest,
    runs: NamedDependency[RunService],
    run: FromQuery[UUID | None] = None,
    workflow: FromQuery[UUID | None] = None,
) -> Stream:
    """Of a run, of a workflow, or of all of the workspace."""
    if run is not None:
        await runs.get(run)
    elif workflow is not None:
        await runs.require_workflow(workflow)
    return open_stream(request, Topic(run, workflow, hints=True))


ROUTES = [live_hints]
