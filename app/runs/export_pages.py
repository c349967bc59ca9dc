"""`/runs/export` and `/workflows/{id}/runs/export`: lists of runs as CSV files, narrowed as the pages are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.models.status import Role
from app.runs.list_columns import RUNS
from app.runs.list_query import RunListQuery
from app.runs.list_repository import RunFilter
from app.runs.schemas import RunOut, WithoutContact
from app.runs.service import RunService
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.pagination import MAX_LIMIT, Page

COLUMNS = (
    "id", "contact_id", "contact", "email", "workflow_id", "workflow", "version", "status", "step", "error", "started_at",
    "completed_at", "continues_at",
)  # fmt: skip


def row_of(run: RunOut, workflow: str) -> list[Any]:
    """A run as a row of COLUMNS."""
    contact = run.contact
    return [
        str(run.id), str(run.contact_id) if run.contact_id else None, contact.name if contact else None,
        contact.email if contact else None, str(run.workflow_id), workflow, run.workflow_version, run.status,
        run.current_node_id, run.error_message, run.started_at, run.completed_at, run.resume_at,
    ]  # fmt: skip


async def _export(request: AppRequest, session: AsyncSession, wanted: RunFilter) -> CsvAnswer:
    principal = request.user

    async def read(reading: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        runs = RunService(reading, principal)
        page = await runs.list(wanted, MAX_LIMIT, cursor)
        names = await runs.workflows.names({run.workflow_id for run in page.items})
        return Page([row_of(run, names.get(run.workflow_id, "")) for run in page.items], page.next_cursor)

    return await csv_answer(request, session, CsvList("runs", COLUMNS, read))


@get("/runs/export", role=Role.VIEWER)
async def export_runs(
    request: AppRequest,
    db_session: Database,
    status: FromQuery[str | None] = None,
    contact: FromQuery[str] = "",
    without_contact: WithoutContact = False,
    node: FromQuery[str | None] = None,
    workflow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    period: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All runs that fit, as they are sorted, with all their columns whatever `columns` the page shows."""
    query = RunListQuery.of_address(status, contact, without_contact, node, workflow, version, period)
    return await _export(request, db_session, query.run_filter(order=RUNS.checked_order(sort)))


@get("/workflows/{workflow_id:uuid}/runs/export", role=Role.VIEWER)
async def export_workflow_runs(
    request: AppRequest,
    db_session: Database,
    runs: NamedDependency[RunService],
    workflow_id: FromPath[UUID],
    status: FromQuery[str | None] = None,
    contact: FromQuery[str] = "",
    without_contact: WithoutContact = False,
    node: FromQuery[str | None] = None,
    version: FromQuery[str] = "",
    period: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All runs of one workflow that fit, as they are sorted."""
    await runs.require_workflow(workflow_id)
    query = RunListQuery.of_address(status, contact, without_contact, node, "", version, period)
    return await _export(request, db_session, query.run_filter(workflow_id, RUNS.checked_order(sort)))


ROUTES = [export_runs, export_workflow_runs]
