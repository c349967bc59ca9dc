"""`/runs`, `/workflows/{id}/runs` and `/runs/{id}`: lists that refresh themselves, and one run to step through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.flash import go
from app.lib.fragments import page
from app.models.status import Role
from app.runs.narrative import sentences
from app.runs.repository import RunFilter
from app.runs.schemas import RunDetail
from app.runs.service import STATUS_WORDS, RunNotFound, RunService, statuses_of
from app.workflows.picture import draw

Query = Annotated[str | None, QueryParameter(name="status")]


def steps_of_path(run: RunDetail) -> Sequence[dict[str, str]]:
    """What the step-through lights: for each step its node and the edge that led to it, the trigger first."""
    path = [{"node": "trigger", "edge": ""}]
    came = "trigger:next"
    for step in run.steps:
        path.append({"node": step.node_id, "edge": came})
        came = f"{step.node_id}:{step.port or 'next'}"
    return path


async def _list(
    request: Request[Any, Any, Any], session: AsyncSession, wanted: RunFilter, status: str | None, cursor: str | None
) -> Template:
    service = RunService(session, request.user)
    runs = await service.list(wanted, 50, cursor)
    names = await service.runs.workflow_names({run.workflow_id for run in runs.items})
    return page(
        request,
        "runs/list.html",
        block="rows",
        runs=runs,
        names=names,
        status=status or "",
        statuses=STATUS_WORDS,
        workflow_id=wanted.workflow_id,
        cursor=cursor,
    )


@get("/runs", role=Role.VIEWER, include_in_schema=False)
async def all_runs(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    status: Query = None,
    contact: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of the workspace."""
    return await _list(request, db_session, RunFilter(contact_id=contact, statuses=statuses_of(status)), status, cursor)


@get("/workflows/{workflow_id:uuid}/runs", role=Role.VIEWER, include_in_schema=False)
async def workflow_runs(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    workflow_id: FromPath[UUID],
    status: Query = None,
    node: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The newest runs of one workflow, of those that stand on `node` when it is given."""
    await RunService(db_session, request.user).require_workflow(workflow_id)
    wanted = RunFilter(workflow_id=workflow_id, statuses=statuses_of(status), node_id=node)
    return await _list(request, db_session, wanted, status, cursor)


@get("/runs/{run_id:uuid}", role=Role.VIEWER, include_in_schema=False)
async def show_run(
    request: Request[Any, Any, Any], db_session: NamedDependency[AsyncSession], run_id: FromPath[UUID]
) -> Template:
    """One run: its path on the canvas, every step, and why it went this way."""
    service = RunService(db_session, request.user)
    run = await service.detail(run_id)
    row = await service.runs.one(run_id)
    if row is None:
        raise RunNotFound
    newer, older = await service.runs.neighbours(row[0])
    return page(
        request,
        "runs/run.html",
        run=run,
        contact=row[1],
        picture=draw(row[3].graph),
        path=steps_of_path(run),
        told=sentences(run, row[3].graph),
        newer=newer,
        older=older,
    )


@post("/runs/{run_id:uuid}/cancel", role=Role.MARKETER, include_in_schema=False, status_code=200)
async def cancel(
    request: Request[Any, Any, Any], db_session: NamedDependency[AsyncSession], run_id: FromPath[UUID]
) -> Response[bytes]:
    """Cancel a run that is under way; nothing of it is sent afterwards."""
    await RunService(db_session, request.user).cancel(run_id)
    return go(request, f"/runs/{run_id}", "Run cancelled")


HANDLERS = [all_runs, workflow_runs, show_run, cancel]
