"""`/api/v1/workflows/{id}/trigger` and `…/execute`, which start runs, and `…/triggers`, which says what else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from msgspec import UnsetType

from app.accounts.deps import AppRequest
from app.errors import AppError, Invalid
from app.models.scope import Scope
from app.models.status import Role
from app.triggers.editing import TriggerEditing
from app.triggers.run_again import RunsAgain
from app.triggers.schemas import (
    Execute,
    NewTrigger,
    RefusedContact,
    StartedExecution,
    StartedRun,
    StartedRuns,
    StartRun,
    TriggerChange,
    TriggerOut,
)
from app.triggers.service import StartRequest, TriggerService
from app.web.envelope import Envelope, ok

ONE = "/api/v1/workflows/{workflow_id:uuid}"
TRIGGERS = ONE + "/triggers"
TRIGGER = TRIGGERS + "/{trigger_id:str}"


@post(
    ONE + "/trigger",
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
) -> Envelope[StartedRun | StartedRuns]:
    """One contact enters the live version, whatever its trigger; without a contact, a run starts that has its input alone.

    That takes a trigger whose runs need no contact; else the answer is 422. 409 says why when the re-entry rule refuses a contact, or
    the conditions of the trigger do not hold for such an input. With `contactIds` the answer has a run, or the reason of a refusal, of
    each contact. A workflow that was changed before the run begins may still refuse it: `GET …/refusals` names those.
    """
    field_name, properties = given_properties(data)
    wanted = StartRequest(properties, field_name, data.trigger_id, by_program=True)
    if isinstance(data.contact_ids, UnsetType):
        run_id = await trigger_service.start(workflow_id, data.contact_id, wanted)
        return ok(StartedRun(run_id=run_id, workflow_id=workflow_id, contact_id=data.contact_id))
    if data.contact_id is not None:
        message = "Send `contactId` or `contactIds`, not both."
        raise Invalid(message, errors=[{"path": "contactIds", "message": message}])
    started = await trigger_service.start_many(workflow_id, data.contact_ids, wanted)
    runs = [
        StartedRun(run_id=run_id, workflow_id=workflow_id, contact_id=contact_id)
        for contact_id, run_id in started.run_ids.items()
    ]
    refused = [_refused(contact_id, error) for contact_id, error in started.refused.items()]
    return ok(StartedRuns(workflow_id=workflow_id, runs=runs, refused=refused))


def _refused(contact_id: UUID, error: AppError) -> RefusedContact:
    return RefusedContact(
        contact_id=contact_id, code=error.code, reason=error.extra.get("reason"), message=error.message
    )


def given_properties(data: StartRun) -> tuple[str, dict[str, Any]]:
    """What the run starts with, and under which of its two names. Raises Invalid when both are sent."""
    if not isinstance(data.input, dict):
        return "properties", data.properties if isinstance(data.properties, dict) else {}
    if isinstance(data.properties, dict):
        message = "`input` and `properties` are two names for one thing. Send one of them."
        raise Invalid(message, errors=[{"path": "input", "message": message}])
    return "input", data.input


@post(
    ONE + "/execute",
    role=Role.MARKETER,
    scope=Scope.RUNS_WRITE,
    status_code=202,
    tags=["Executions"],
    summary="Execute a workflow",
)
async def execute_workflow(
    trigger_service: NamedDependency[TriggerService],
    workflow_id: FromPath[UUID],
    data: JSONBody[Execute | None] = None,
) -> Envelope[StartedExecution]:
    """Start a run with an input, by the trigger that is made for programs (`api`), else by the one that is started by hand.

    Refused as `POST …/trigger` refuses: 422 for an input that does not fit, 409 when the rules of entry say no.
    """
    data = data or Execute()
    wanted = StartRequest(data.input, "input", data.trigger_id, by_program=True)
    run_id = await trigger_service.start(workflow_id, data.contact_id, wanted)
    return ok(StartedExecution(execution_id=run_id, run_id=run_id, workflow_id=workflow_id, contact_id=data.contact_id))


@get(TRIGGERS, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=["Triggers"], summary="List the triggers")
async def list_triggers(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID]
) -> Envelope[Sequence[TriggerOut]]:
    """Those of the draft, each with how it stands in the version that is live."""
    return ok(await trigger_editing.every(workflow_id))


@get(TRIGGER, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=["Triggers"], summary="Get a trigger")
async def get_trigger(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[TriggerOut]:
    """One trigger of the draft."""
    return ok(await trigger_editing.get(workflow_id, trigger_id))


@post(TRIGGERS, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=["Triggers"], summary="Add a trigger")
async def add_trigger(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID], data: JSONBody[NewTrigger]
) -> Envelope[TriggerOut]:
    """Add one to the draft. The empty trigger that a new workflow begins with is replaced by the first that is added."""
    return ok(await trigger_editing.add(workflow_id, data))


@patch(TRIGGER, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=["Triggers"], summary="Change a trigger")
async def change_trigger(
    trigger_editing: NamedDependency[TriggerEditing],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    data: JSONBody[TriggerChange],
) -> Envelope[TriggerOut]:
    """Change one in the draft, its switch too. What is live stays until the draft is published; `…/enable` and `…/disable` hold at once."""
    return ok(await trigger_editing.change(workflow_id, trigger_id, data))


@delete(
    TRIGGER,
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=["Triggers"],
    summary="Remove a trigger",
    status_code=200,
)
async def remove_trigger(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[dict[str, str]]:
    """Take one out of the draft, with its edges. What is live keeps it until the draft is published."""
    await trigger_editing.remove(workflow_id, trigger_id)
    return ok({"id": trigger_id})


@post(
    TRIGGER + "/enable",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=["Triggers"],
    summary="Switch a trigger on",
    status_code=200,
)
async def enable_trigger(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[TriggerOut]:
    """At once: a version is published that differs from the live one in this alone, and the draft follows."""
    return ok(await trigger_editing.switch(workflow_id, trigger_id, enabled=True))


@post(
    TRIGGER + "/disable",
    role=Role.ADMIN,
    scope=Scope.WORKFLOWS_PUBLISH,
    tags=["Triggers"],
    summary="Switch a trigger off",
    status_code=200,
)
async def disable_trigger(
    trigger_editing: NamedDependency[TriggerEditing], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[TriggerOut]:
    """At once, as `…/enable`; who is in the workflow goes on. The only one that is on is not switched off: pause the workflow."""
    return ok(await trigger_editing.switch(workflow_id, trigger_id, enabled=False))


API_TAGS = [
    Tag(name="Triggers", description="What starts a workflow: add, change, remove, switch on and off."),
]
ROUTES = [
    trigger_workflow,
    execute_workflow,
    list_triggers,
    get_trigger,
    add_trigger,
    change_trigger,
    remove_trigger,
    enable_trigger,
    disable_trigger,
]
SERVICES = {"trigger_service": TriggerService, "trigger_editing": TriggerEditing, "runs_again": RunsAgain}
