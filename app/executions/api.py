"""`/api/v1/executions` and `/api/v1/workflows/{id}/executions`: runs in the words of programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, QueryParameter

from app.executions.schemas import ExecutionDetail, ExecutionLog, ExecutionOut
from app.executions.service import ExecutionService, log_levels, run_statuses
from app.history_start_repository import OF_RUNS, meta
from app.models.scope import Scope
from app.models.status import Role
from app.runs.list_repository import RunFilter
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

PATH = "/api/v1/executions"
TAGS = ["Executions"]
Status = Annotated[
    str | None,
    QueryParameter(
        name="status", description="`running`, `completed`, `failed`, `cancelled`, or several with commas between."
    ),
]
ContactId = Annotated[UUID | None, QueryParameter(name="contactId", description="Executions of this contact.")]
WorkflowId = Annotated[UUID | None, QueryParameter(name="workflowId", description="Executions of this workflow.")]
Since = Annotated[
    datetime | None, QueryParameter(name="from", description="Started at or after this instant (ISO 8601).")
]
Until = Annotated[datetime | None, QueryParameter(name="to", description="Started before this instant (ISO 8601).")]
Limit = Annotated[int | None, QueryParameter(name="limit", description="1 to 100; 25 when left out.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`meta.nextCursor` of the last answer.")]
LowestLevel = Annotated[
    str | None,
    QueryParameter(name="level", description="`debug`, `info`, `warn` or `error`: lines of this level and above."),
]


async def _list(
    service: ExecutionService, wanted: RunFilter, limit: int | None, cursor: str | None
) -> Envelope[list[ExecutionOut]]:
    page = await service.list(wanted, limit, cursor)
    removed = meta(await service.runs.history.of(OF_RUNS))
    return ok(page.items, nextCursor=page.next_cursor, limit=clamp_limit(limit), **removed)


@get(PATH, role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="Executions of all workflows")
async def list_executions(
    executions: NamedDependency[ExecutionService],
    status: Status = None,
    workflow_id: WorkflowId = None,
    contact_id: ContactId = None,
    from_: Since = None,
    to: Until = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[ExecutionOut]]:
    """Newest first, narrowed by workflow, contact, status and date. Those that are still `pending` are found by their id."""
    wanted = RunFilter(workflow_id, contact_id, run_statuses(status), from_, to)
    return await _list(executions, wanted, limit, cursor)


@get(
    "/api/v1/workflows/{workflow_id:uuid}/executions",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    summary="Executions of a workflow",
)
async def list_workflow_executions(
    executions: NamedDependency[ExecutionService],
    workflow_id: FromPath[UUID],
    status: Status = None,
    contact_id: ContactId = None,
    from_: Since = None,
    to: Until = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[ExecutionOut]]:
    """Newest first, narrowed by contact, status and date."""
    await executions.runs.require_workflow(workflow_id)
    wanted = RunFilter(workflow_id, contact_id, run_statuses(status), from_, to)
    return await _list(executions, wanted, limit, cursor)


@get(PATH + "/{execution_id:uuid}", role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="One execution")
async def get_execution(
    executions: NamedDependency[ExecutionService], execution_id: FromPath[UUID]
) -> Envelope[ExecutionDetail]:
    """With every step and its log, from the moment it was accepted: `pending` until it begins."""
    return ok(await executions.detail(execution_id))


@get(
    PATH + "/{execution_id:uuid}/logs",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    summary="The log of an execution",
)
async def get_execution_logs(
    executions: NamedDependency[ExecutionService],
    execution_id: FromPath[UUID],
    level: LowestLevel = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[ExecutionLog]]:
    """What happened and what its steps said, in its order, from a level on."""
    page = await executions.logs(execution_id, log_levels(level), limit, cursor)
    return ok(page.items, nextCursor=page.next_cursor, limit=clamp_limit(limit))


API_TAGS = [Tag(name="Executions", description="Runs in the words of programs: start one, follow it, read its log.")]
ROUTES = [list_executions, list_workflow_executions, get_execution, get_execution_logs]
SERVICES = {"executions": ExecutionService}
