"""`/live`: tells a page in a browser that something about what it shows has changed. What it is, the page asks for again."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from app.accounts.deps import AppRequest
from app.errors import Invalid
from app.lib.field_errors import field_error
from app.lib.translation import gettext
from app.live.hub import LiveHub
from app.live.routes import open_stream
from app.live.stream import Topic
from app.models.status import Role
from app.runs.service import RunService
from app.test_runs.samples import heard_names
from app.workflows.service import WorkflowService

TAB = re.compile(r"^[\w-]{0,64}\Z")
MOST_STEP = 100


@get("/live", role=Role.VIEWER, stream=True)
async def live_hints(
    request: AppRequest,
    runs: NamedDependency[RunService],
    workflows: NamedDependency[WorkflowService],
    run: FromQuery[UUID | None] = None,
    workflow: FromQuery[UUID | None] = None,
    trigger: FromQuery[str] = "",
    on: FromQuery[str] = "",
    tab: Annotated[str, QueryParameter(name="tab", pattern=TAB.pattern)] = "",
) -> Stream:
    """Of a run, of a workflow, of events that a trigger of its draft listens for, or of all of the workspace.

    `on`: the names of these events as the page has them. They are read from the draft; with other names a page has another address, and
    so asks anew. `tab`: who else has the workflow open sees that this tab has, and is seen.
    """
    if run is not None:
        await runs.get(run)
    elif workflow is not None and trigger:
        flow = workflows.draft(await workflows.get(workflow)).flow
        names = heard_names([one for one in flow.triggers if one.id == trigger])
        return open_stream(request, Topic(hints=True, events=tuple(names) or ("",)))
    elif workflow is not None:
        await runs.require_workflow(workflow)
    return open_stream(request, Topic(run, workflow, hints=True), tab if workflow is not None and run is None else "")


@post("/workflows/{workflow_id:uuid}/presence", role=Role.VIEWER, status_code=204)
async def select_step(
    request: AppRequest, runs: NamedDependency[RunService], workflow_id: FromPath[UUID]
) -> Response[None]:
    """Another step is selected in an open tab: form fields `tab` and `step`, which is empty where none is."""
    await runs.require_workflow(workflow_id)
    form = await request.form()
    tab, step = str(form.get("tab", "")), str(form.get("step", ""))
    if not tab or not TAB.fullmatch(tab) or len(step) > MOST_STEP:
        raise Invalid(errors=[field_error(gettext("There is no such tab."), "tab")])
    hub: LiveHub = request.app.state["live"]
    await hub.presence.select(request.user, workflow_id, tab, step)
    return Response(None, status_code=204)


ROUTES = [live_hints, select_step]
