"""`/api/v1/workflows/{id}/runs` and `/api/v1/runs`: look at runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get
from litestar.params import Parameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.envelope import Envelope, ok
from app.models.status import Role
from app.runs.repository import RunFilter
from app.runs.schemas import RunDetail, RunOut
from app.runs.service import RunService, statuses_of

Since = Annotated[datetime | None, Parameter(query="from", description="Started at or after this instant (ISO 8601).")]
Until = Annotated[datetime | None, Parameter(query="to", description="Started before this instant (ISO 8601).")]
Status = Annotated[str | None, Parameter(query="status", description="One status, or several with commas between.")]
ContactId = Annotated[UUID | None, Parameter(query="contactId")]
WorkflowId = Annotated[UUID | None, Parameter(query="workflowId")]


async def _list(
    request: Request[Any, Any, Any], session: AsyncSession, wanted: RunFilter, limit: int | None, cursor: str | None
) -> Envelope[list[RunOut]]:
    page = await RunService(session, request.user).list(wanted, limit, cursor)
    return ok(page.items, nextCursor=page.next_cursor, limit=limit or 25)


@get("/api/v1/workflows/{workflow_id:uuid}/runs", role=Role.VIEWER, tags=["Runs"], summary="Runs of a workflow")
async def list_workflow_runs(
    request: Request[Any, Any, Any],
    db_session: AsyncSession,
    workflow_id: UUID,
    status: Status = None,
    contact_id: ContactId = None,
    started_from: Since = None,
    started_to: Until = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Envelope[list[RunOut]]:
    """Newest first, narrowed by status, contact and date."""
    wanted = RunFilter(workflow_id, contact_id, statuses_of(status), started_from, started_to)
    await RunService(db_session, request.user).require_workflow(workflow_id)
    return await _list(request, db_session, wanted, limit, cursor)


@get("/api/v1/runs", role=Role.VIEWER, tags=["Runs"], summary="Runs of all workflows")
async def list_runs(
    request: Request[Any, Any, Any],
    db_session: AsyncSession,
    status: Status = None,
    contact_id: ContactId = None,
    workflow_id: WorkflowId = None,
    started_from: Since = None,
    started_to: Until = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Envelope[list[RunOut]]:
    """Newest first, narrowed by workflow, status, contact and date."""
    wanted = RunFilter(workflow_id, contact_id, statuses_of(status), started_from, started_to)
    return await _list(request, db_session, wanted, limit, cursor)


@get("/api/v1/workflows/{workflow_id:uuid}/runs/{run_id:uuid}", role=Role.VIEWER, tags=["Runs"], summary="One run")
async def get_run(
    request: Request[Any, Any, Any], db_session: AsyncSession, workflow_id: UUID, run_id: UUID
) -> Envelope[RunDetail]:
    """The run with every step: input, output, error and times."""
    return ok(await RunService(db_session, request.user).detail(run_id, workflow_id))


HANDLERS = [list_workflow_runs, list_runs, get_run]
