"""Manual start of a run: of a contact on its page, and without a contact on a page of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.actions import ActionForm
from app.contacts.pages import ONE, contact_page
from app.contacts.service import ContactService
from app.errors import AppError, FieldError, Invalid
from app.lib.translation import gettext
from app.models.status import Role
from app.triggers import run_again_pages
from app.triggers.service import InputNotValid, StartableWorkflow, StartRequest, TriggerService
from app.triggers.start_form import PREFIX, input_fields, input_values
from app.values.contact_view import name_of
from app.web.flash import go
from app.web.fragments import page

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
START = "/workflows/{workflow_id:uuid}/runs/new"


@post(f"{ONE}/start", role=Role.MARKETER, status_code=200)
async def start_workflow(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    trigger_service: NamedDependency[TriggerService],
    contact_id: FromPath[UUID],
) -> Template | Response[bytes]:
    """Start a run of the contact in a workflow."""
    contact = await contacts.get(contact_id)
    data = await request.form()
    form = ActionForm.of(data, "start")
    names = {str(id_): name for id_, name in await contacts.workflows.startable()}
    try:
        if form.workflow not in names:
            raise Invalid(
                errors=[
                    {
                        "path": "workflow",
                        "message": gettext("Choose a workflow that is active and can be started by hand."),
                    }
                ]
            )
        schema = await trigger_service.input_of_contact(UUID(form.workflow))
        if schema is not None and any(name.startswith(PREFIX) for name in data):
            properties = input_values(schema, _texts(data))
            form.properties = msgspec.json.encode(properties).decode()  # so that an error shows what was written
        else:
            properties = form.decoded_properties()
        await trigger_service.start(UUID(form.workflow), contact_id, StartRequest(properties))
    except InputNotValid as error:
        return await contact_page(request, contacts, contact, action=form.failed(Invalid(errors=_together(error))))
    except AppError as error:
        return await contact_page(request, contacts, contact, action=form.failed(error))
    return go(
        request,
        f"/contacts/{contact_id}",
        gettext("%(names)s was asked to let %(contact)s in.", names=names[form.workflow], contact=name_of(contact)),
    )


def _together(error: AppError) -> list[FieldError]:
    """What is wrong with an input, at the one control that shows all of it."""
    return [FieldError(path="properties", message=" ".join(one["message"] for one in error.errors))]


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}


@get(f"{ONE}/start/fields", role=Role.MARKETER)
async def show_start_fields(
    request: AppRequest,
    contacts: NamedDependency[ContactService],
    trigger_service: NamedDependency[TriggerService],
    contact_id: FromPath[UUID],
    workflow: Annotated[str, QueryParameter()] = "",
) -> Template:
    """The controls of what the chosen workflow takes; one for JSON where it takes anything."""
    await contacts.get(contact_id)
    schema = await trigger_service.input_of_contact(UUID(workflow)) if _ID.fullmatch(workflow) else None
    fields = input_fields(schema) if schema is not None and schema.properties else None
    return page(request, "triggers/input_fields.html", fields=fields)


def _start_page(
    request: AppRequest,
    workflow_id: UUID,
    startable: StartableWorkflow,
    action: ActionForm,
    typed_in: Mapping[str, str] | None = None,
) -> Template:
    schema = startable.schema
    return page(
        request,
        "triggers/start.html",
        workflow_id=workflow_id,
        startable=startable,
        action=action,
        fields=input_fields(schema, typed_in) if schema is not None and schema.properties else None,
        status_code=action.status,
    )


@get(START, role=Role.MARKETER)
async def show_start(
    request: AppRequest, trigger_service: NamedDependency[TriggerService], workflow_id: FromPath[UUID]
) -> Template:
    """The form that starts a run without a contact."""
    return _start_page(request, workflow_id, await trigger_service.startable_without_contact(workflow_id), ActionForm())


@post(START, role=Role.MARKETER, status_code=200)
async def start_without_contact(
    request: AppRequest, trigger_service: NamedDependency[TriggerService], workflow_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Start a run that has the input of the form alone."""
    data = await request.form()
    form, texts = ActionForm.of(data, "start"), _texts(data)
    startable = await trigger_service.startable_without_contact(workflow_id)
    schema = startable.schema
    try:
        if schema is not None and schema.properties:
            await trigger_service.start(workflow_id, None, StartRequest(input_values(schema, texts), "input"))
        else:
            await trigger_service.start(workflow_id, None, StartRequest(form.decoded_properties()))
    except AppError as error:
        return _start_page(request, workflow_id, startable, form.failed(error), texts)
    return go(request, f"/workflows/{workflow_id}/runs", gettext("A run was asked for. It shows here in a moment."))


ROUTES: list[Any] = [
    start_workflow,
    show_start_fields,
    show_start,
    start_without_contact,
    *run_again_pages.ROUTES,
]
