"""`/api/v1/workflows/{id}/runs` and `/api/v1/runs`: look at runs, cancel one, release one that is held, retry one that failed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody, QueryParameter

from app.history_start_repository import OF_RUNS, meta
from app.models.scope import Scope
from app.models.status import Role
from app.runs.again import FailedRuns, RetriedRun, RetryRun
from app.runs.list_repository import RunFilter
from app.runs.schemas import PassRun, RunDetail, RunOut, WithoutContact
from app.runs.service import RunService, statuses_of
from app.web.envelope import Envelope, ok

Since = Annotated[
    datetime | None, QueryParameter(name="from", description="Started at or after this instant (ISO 8601).")
]
Until = Annotated[datetime | None, QueryParameter(name="to", description="Started before this instant (ISO 8601).")]
Status = Annotated[
    str | None,
    QueryParameter(
        name="status",
        description="One status, or several with commas between. `running` finds every run that is not over, `waiting` and "
        "`held` those of them that rest.",
    ),
]
ContactId = Annotated[UUID | None, QueryParameter(name="contactId", description="Runs of this contact.")]
WorkflowId = Annotated[UUID | None, QueryParameter(name="workflowId", description="Runs of this workflow.")]
NodeId = Annotated[str | None, QueryParameter(name="nodeId", description="Runs that stand on this step now.")]
Limit = Annotated[int | None, QueryParameter(name="limit", description="1 to 100; 25 when left out.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`meta.nextCursor` of the last answer.")]
RUNS = "/api/v1/workflows/{workflow_id:uuid}/runs"
TAGS = ["Runs"]


async def _list(
    service: RunService, wanted: RunFilter, limit: int | None, cursor: str | None
) -> Envelope[list[RunOut]]:
    page = await service.list(wanted, limit, cursor)
    removed = meta(await service.history.of(OF_RUNS))
    return ok(page.items, nextCursor=page.next_cursor, limit=limit or 25, **removed)


@get(RUNS, role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="Runs of a workflow")
async def list_workflow_runs(
    runs: NamedDependency[RunService],
    workflow_id: FromPath[UUID],
    status: Status = None,
    contact_id: ContactId = None,
    without_contact: WithoutContact = False,
    node_id: NodeId = None,
    from_: Since = None,
    to: Until = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[RunOut]]:
    """Newest first, narrowed by status, contact, step and date."""
    wanted = RunFilter(workflow_id, contact_id, statuses_of(status), from_, to, node_id, without_contact)
    await runs.require_workflow(workflow_id)
    return await _list(runs, wanted, limit, cursor)


@get("/api/v1/runs", role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="Runs of all workflows")
async def list_runs(
    runs: NamedDependency[RunService],
    status: Status = None,
    contact_id: ContactId = None,
    without_contact: WithoutContact = False,
    workflow_id: WorkflowId = None,
    from_: Since = None,
    to: Until = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Envelope[list[RunOut]]:
    """Newest first, narrowed by workflow, status, contact and date.

    `meta.removedBefore` is there when older runs were removed: those that began before that instant.
    """
    wanted = RunFilter(workflow_id, contact_id, statuses_of(status), from_, to, without_contact=without_contact)
    return await _list(runs, wanted, limit, cursor)


@get(RUNS + "/{run_id:uuid}", role=Role.VIEWER, scope=Scope.RUNS_READ, tags=TAGS, summary="One run")
async def get_run(
    runs: NamedDependency[RunService], workflow_id: FromPath[UUID], run_id: FromPath[UUID]
) -> Envelope[RunDetail]:
    """The run with every step: input, output, error and times."""
    return ok(await runs.detail(run_id, workflow_id))


@post(
    RUNS + "/{run_id:uuid}/cancel",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    summary="Cancel a run",
    status_code=200,
)
async def cancel_run(
    runs: NamedDependency[RunService], workflow_id: FromPath[UUID], run_id: FromPath[UUID]
) -> Envelope[RunDetail]:
    """End a run where it stands; nothing of it is sent afterwards. A run that is over already answers 409."""
    await runs.cancel(run_id, workflow_id)
    return ok(await runs.detail(run_id, workflow_id))


@post(
    RUNS + "/{run_id:uuid}/release",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    summary="Release a held run",
    status_code=200,
)
async def release_run(
    runs: NamedDependency[RunService], workflow_id: FromPath[UUID], run_id: FromPath[UUID]
) -> Envelope[RunDetail]:
    """Let a held run take its step once more; a message that failed is sent again. A run that is not held answers 409."""
    await runs.release(run_id, workflow_id)
    return ok(await runs.detail(run_id, workflow_id))


@post(
    RUNS + "/{run_id:uuid}/pass",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    summary="Let a held run go on without its step",
    status_code=200,
)
async def pass_run(
    runs: NamedDependency[RunService], workflow_id: FromPath[UUID], run_id: FromPath[UUID], data: JSONBody[PassRun]
) -> Envelope[RunDetail]:
    """The step that the run is held at is left out, and the run goes on by `port`. A run that is not held answers 409."""
    await runs.pass_by(run_id, data.port, workflow_id)
    return ok(await runs.detail(run_id, workflow_id))


@post(
    RUNS + "/{run_id:uuid}/retry",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    tags=TAGS,
    summary="Retry a failed run",
    status_code=200,
)
async def retry_run(
    failed_runs: NamedDependency[FailedRuns],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
    data: JSONBody[RetryRun],
) -> Envelope[RetriedRun]:
    """A failed run goes on from the step that failed, as the run that this answers with, with the contact, the input and what it
    carried: with `same` in its own version, with `live` in the one that is live by now, where that has the step. It stays failed, and
    goes on once: the same request again answers with the same run. A run that did not fail at a step answers 409."""
    return ok(await failed_runs.retry(run_id, data.version, workflow_id))


API_TAGS = [
    Tag(name="Runs", description="The way of a contact, or of an input without one, through a workflow, step by step."),
]
ROUTES = [list_workflow_runs, list_runs, get_run, cancel_run, release_run, pass_run, retry_run]
SERVICES = {"runs": RunService, "failed_runs": FailedRuns}
