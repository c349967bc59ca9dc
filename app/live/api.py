"""`/api/v1/events/stream`, `/api/v1/workflows/{id}/stream` and `/api/v1/runs/{id}/stream`: live events for programs."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Tag
from litestar.params import FromPath
from litestar.response import Stream

from app.accounts.deps import AppRequest
from app.live.routes import MEDIA_TYPE, open_stream
from app.live.stream import Topic
from app.models.scope import Scope
from app.models.status import Role
from app.runs.service import RunService

TAGS = ["Live events"]


class SentEvent(msgspec.Struct):
    """One event of the stream, as server-sent events are written: `data` is JSON."""

    event: str
    data: str
    id: str = ""


RESPONSES = {
    200: ResponseSpec(
        SentEvent, media_type=MEDIA_TYPE, description="Events until the client goes.", generate_examples=False
    )
}


@get(
    "/api/v1/events/stream",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    stream=True,
    tags=TAGS,
    responses=RESPONSES,
    summary="Live events of the workspace",
)
async def stream_events(request: AppRequest) -> Stream:
    """`started`, `step_started`, `step_completed`, `step_failed`, `completed`, `failed`, `cancelled` and `changed` of all runs.

    From now on, or from the `Last-Event-ID` on, up to ten minutes back; `missed` and `left_out` say what is not told.
    """
    return open_stream(request, Topic())


@get(
    "/api/v1/workflows/{workflow_id:uuid}/stream",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    stream=True,
    tags=TAGS,
    responses=RESPONSES,
    summary="Live events of a workflow",
)
async def stream_workflow(
    request: AppRequest, runs: NamedDependency[RunService], workflow_id: FromPath[UUID]
) -> Stream:
    """The same of the runs of one workflow."""
    await runs.require_workflow(workflow_id)
    return open_stream(request, Topic(workflow_id=workflow_id))


@get(
    "/api/v1/runs/{run_id:uuid}/stream",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    stream=True,
    tags=TAGS,
    responses=RESPONSES,
    summary="Live events of a run",
)
async def stream_run(request: AppRequest, runs: NamedDependency[RunService], run_id: FromPath[UUID]) -> Stream:
    """From its beginning, or from the `Last-Event-ID` on, however long ago that was."""
    await runs.get(run_id)
    return open_stream(request, Topic(run_id=run_id))


API_TAGS = [Tag(name="Live events", description="What happens to runs, as it happens, as server-sent events.")]
ROUTES = [stream_events, stream_workflow, stream_run]
