"""`/api/v1/held-runs` and `/api/v1/held-run-jobs`: runs that wait for a decision, and decisions about many of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.held_runs.bulk import HeldRunJobs
from app.held_runs.schemas import (
    HeldKind,
    HeldRunCount,
    HeldRunFilter,
    HeldRunGroup,
    HeldRunJobIn,
    HeldRunJobOut,
    HeldRunOut,
    MovedRun,
    MoveRun,
)
from app.held_runs.service import HeldRunService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

TAGS = ["Runs"]
JOBS = "/api/v1/held-run-jobs"
ONE = JOBS + "/{held_run_job_id:uuid}"


@get("/api/v1/held-runs", role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="Runs that wait for a decision")
async def list_held_runs(
    held_runs: NamedDependency[HeldRunService],
    workflow_id: Annotated[UUID | None, QueryParameter(name="workflowId")] = None,
    version: FromQuery[int | None] = None,
    node_id: Annotated[str | None, QueryParameter(name="nodeId")] = None,
    kind: Annotated[
        HeldKind | None,
        QueryParameter(
            name="kind",
            description="`failed`: the step failed. `crashed`: it stopped workers. `interrupted`: its call was cut off.",
        ),
    ] = None,
    error: Annotated[
        str | None, QueryParameter(name="error", description="A part of the error.", max_length=500)
    ] = None,
    since: Annotated[
        datetime | None, QueryParameter(name="since", description="Held at or after this instant.")
    ] = None,
    until: Annotated[datetime | None, QueryParameter(name="until", description="Held until this instant.")] = None,
    contact_id: Annotated[UUID | None, QueryParameter(name="contactId")] = None,
    tag: Annotated[
        str | None, QueryParameter(name="tag", description="Of contacts with this tag.", max_length=100)
    ] = None,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[HeldRunOut]]:
    """Those of the newest runs first, with what is wrong."""
    wanted = HeldRunFilter(
        workflow_id=workflow_id, version=version, node_id=node_id, kind=kind, error=error, since=since, until=until,
        contact_id=contact_id, tag=tag,
    )  # fmt: skip
    listed = await held_runs.page(wanted, limit, cursor)
    return ok(listed.items, nextCursor=listed.next_cursor, limit=clamp_limit(limit))


@post(
    "/api/v1/held-runs/groups",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    status_code=200,
    summary="Why are runs held?",
)
async def group_held_runs(
    held_runs: NamedDependency[HeldRunService], data: JSONBody[HeldRunFilter]
) -> Envelope[list[HeldRunGroup]]:
    """Those that fit, grouped by step and error, the largest groups first; among the latest 10,000."""
    return ok(list(await held_runs.groups(data)))


@post(
    "/api/v1/held-runs/count",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    status_code=200,
    summary="How many held runs fit?",
)
async def count_held_runs(
    held_run_jobs: NamedDependency[HeldRunJobs], data: JSONBody[HeldRunFilter]
) -> Envelope[HeldRunCount]:
    """`atLeast` says that only the latest 10,000 were looked at; a job goes on to all that fit."""
    return ok(await held_run_jobs.count(data))


@post(
    "/api/v1/workflows/{workflow_id:uuid}/runs/{run_id:uuid}/move",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Move a held run to another step",
)
async def move_run(
    held_runs: NamedDependency[HeldRunService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
    data: JSONBody[MoveRun],
) -> Envelope[MovedRun]:
    """It ends where it is held, and goes on at the step as the run that this answers with, with the contact, the input and what it
    carried. The step is one of its version, or with `version` one of the version that is live. A run that is not held answers 409."""
    return ok(MovedRun(run_id=await held_runs.move(run_id, data, workflow_id)))


@post(
    JOBS,
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    status_code=202,
    summary="Decide about all held runs that fit",
)
async def start_held_run_job(
    held_run_jobs: NamedDependency[HeldRunJobs], data: JSONBody[HeldRunJobIn]
) -> Envelope[HeldRunJobOut]:
    """Try them again, skip their step, move or cancel them: those that fit and are held by now. Some hundred are done when this answers;
    the job goes on with the rest, and `GET /held-run-jobs/{id}` says how far it is. Only admins cancel by filter."""
    return ok(HeldRunJobOut.of(await held_run_jobs.start(data)))


@get(JOBS, role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="What was done with many held runs")
async def list_held_run_jobs(
    held_run_jobs: NamedDependency[HeldRunJobs],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[HeldRunJobOut]]:
    """The newest first, with who asked for it. Those that are over are listed for a year."""
    page = await held_run_jobs.list(limit, cursor)
    return ok([HeldRunJobOut.of(job) for job in page.items], nextCursor=page.next_cursor, limit=clamp_limit(limit))


@get(ONE, role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="How far is it with many held runs?")
async def get_held_run_job(
    held_run_jobs: NamedDependency[HeldRunJobs], held_run_job_id: FromPath[UUID]
) -> Envelope[HeldRunJobOut]:
    return ok(HeldRunJobOut.of(await held_run_jobs.get(held_run_job_id)))


@post(
    ONE + "/stop",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Stop deciding about many held runs",
)
async def stop_held_run_job(
    held_run_jobs: NamedDependency[HeldRunJobs], held_run_job_id: FromPath[UUID]
) -> Envelope[HeldRunJobOut]:
    """The others stay held. What was done stays done."""
    return ok(HeldRunJobOut.of(await held_run_jobs.stop(held_run_job_id)))


ROUTES = [
    list_held_runs,
    group_held_runs,
    count_held_runs,
    move_run,
    start_held_run_job,
    list_held_run_jobs,
    get_held_run_job,
    stop_held_run_job,
]
SERVICES = {"held_runs": HeldRunService, "held_run_jobs": HeldRunJobs}
