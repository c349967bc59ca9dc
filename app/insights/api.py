"""`GET /api/v1/workflows/{id}/stats`."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from app.insights.schemas import WorkflowStats
from app.insights.service import InsightService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.workflows.service import WorkflowService


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


ROUTES = [get_workflow_stats]
SERVICES = {"insights": InsightService}
