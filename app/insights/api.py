"""`GET /api/v1/workflows/{id}/stats`, `…/refusals` and `…/decisions`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from app.insights.schemas import EntryDecision, RefusedEntry, WorkflowStats
from app.insights.service import InsightService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit
from app.workflows.service import WorkflowService

ContactId = Annotated[UUID, QueryParameter(name="contactId", description="About which contact.")]


@get(
    "/api/v1/workflows/{workflow_id:uuid}/stats",
    role=Role.VIEWER,
    scope=Scope.WORKFLOWS_READ,
    tags=["Workflows"],
    summary="Stats of a workflow",
)
async def get_workflow_stats(
    insights: NamedDependency[InsightService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: FromQuery[int | None] = None,
) -> Envelope[WorkflowStats]:
    """Numbers of all versions, or of one, from counters that are true at every moment."""
    if version is not None:
        await workflows.version(await workflows.get(workflow_id), version)
    return ok(await insights.of_workflow(workflow_id, version))


@get(
    "/api/v1/workflows/{workflow_id:uuid}/refusals",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=["Workflows"],
    summary="List whom a workflow did not let in, the last first",
)
async def list_refusals(
    insights: NamedDependency[InsightService],
    workflow_id: FromPath[UUID],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[RefusedEntry]]:
    """Contacts who met a trigger, and starts with a contact or without, that were refused after they were taken: a start is answered
    before the run begins, and the workflow may have been changed between the two.
    """
    refused = await insights.refusals(workflow_id, limit, cursor)
    return ok(refused.items, nextCursor=refused.next_cursor, limit=clamp_limit(limit))


@get(
    "/api/v1/workflows/{workflow_id:uuid}/decisions",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=["Workflows"],
    summary="List why a contact was or was not let into a workflow, the last first",
)
async def list_decisions(
    insights: NamedDependency[InsightService],
    workflow_id: FromPath[UUID],
    contact_id: ContactId,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[EntryDecision]]:
    """The runs of the contact in this workflow, a start that waits for its turn, and refusals with their reason. Who never met a trigger
    is in no list.
    """
    decided = await insights.decisions(workflow_id, contact_id, limit, cursor)
    return ok(decided.items, nextCursor=decided.next_cursor, limit=clamp_limit(limit))


ROUTES = [get_workflow_stats, list_refusals, list_decisions]
SERVICES = {"insights": InsightService}
