"""`/api/v1/workflows/{id}/trigger`."""

from __future__ import annotations

from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.accounts.deps import AppRequest
from app.models.scope import Scope
from app.models.status import Role
from app.triggers.schemas import StartedRun, StartRun
from app.triggers.service import TriggerService
from app.web.envelope import Envelope, ok


@post(
    "/api/v1/workflows/{workflow_id:uuid}/trigger",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    status_code=202,
    tags=["Runs"],
    summary="Start a run by hand",
)
async def trigger_workflow(
    request: AppRequest,
    triggers: NamedDependency[TriggerService],
    workflow_id: FromPath[UUID],
    data: JSONBody[StartRun],
) -> Envelope[StartedRun]:
    """One contact enters the live version, whatever its trigger. 409 says why when the re-entry rule refuses."""
    run_id = await triggers.start(workflow_id, data.contact_id, data.properties)
    return ok(StartedRun(run_id=run_id, workflow_id=workflow_id, contact_id=data.contact_id))


ROUTES = [trigger_workflow]
SERVICES = {"triggers": TriggerService}
