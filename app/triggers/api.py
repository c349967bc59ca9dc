"""`/api/v1/workflows/{id}/trigger`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.accounts.deps import AppRequest
from app.errors import Invalid
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
    trigger_service: NamedDependency[TriggerService],
    workflow_id: FromPath[UUID],
    data: JSONBody[StartRun],
) -> Envelope[StartedRun]:
    """One contact enters the live version, whatever its trigger; without a contact, a run starts that has its input alone.

    That takes a trigger whose runs need no contact; else the answer is 422. 409 says why when the re-entry rule refuses a contact, or
    the conditions of the trigger do not hold for such an input. A workflow that was changed before the run begins may still refuse it:
    `GET …/refusals` names those.
    """
    field_name, properties = given_properties(data)
    run_id = await trigger_service.start(workflow_id, data.contact_id, properties, field_name=field_name)
    return ok(StartedRun(run_id=run_id, workflow_id=workflow_id, contact_id=data.contact_id))


def given_properties(data: StartRun) -> tuple[str, dict[str, Any]]:
    """What the run starts with, and under which of its two names. Raises Invalid when both are sent."""
    if not isinstance(data.input, dict):
        return "properties", data.properties if isinstance(data.properties, dict) else {}
    if isinstance(data.properties, dict):
        message = "`input` and `properties` are two names for one thing. Send one of them."
        raise Invalid(message, errors=[{"path": "input", "message": message}])
    return "input", data.input


ROUTES = [trigger_workflow]
SERVICES = {"trigger_service": TriggerService}
