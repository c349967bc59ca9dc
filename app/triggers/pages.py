"""Manual start of a run: of a contact on its page, and without a contact on a page of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.actions import ActionForm
from app.contacts.pages import ONE, contact_page
from app.contacts.service import ContactService
from app.errors import AppError, Invalid
from app.models.status import Role
from app.triggers.service import StartableWorkflow, TriggerService
from app.values.contact_view import name_of
from app.web.flash import go
from app.web.fragments import page

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
    form = ActionForm.of(await request.form(), "start")
    names = {str(id_): name for id_, name in await contacts.workflows.startable()}
    try:
        if form.workflow not in names:
            raise Invalid(errors=[{"path": "workflow", "message": "Choose a workflow that is active."}])
        properties = form.decoded_properties()
        await trigger_service.start(UUID(form.workflow), contact_id, properties)
    except AppError as error:
        return await contact_page(request, contacts, contact, action=form.failed(error))
    return go(request, f"/contacts/{contact_id}", f"{names[form.workflow]} was asked to let {name_of(contact)} in.")


def _start_page(request: AppRequest, workflow_id: UUID, startable: StartableWorkflow, action: ActionForm) -> Template:
    return page(
        request,
        "triggers/start.html",
        workflow_id=workflow_id,
        startable=startable,
        action=action,
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
    form = ActionForm.of(await request.form(), "start")
    startable = await trigger_service.startable_without_contact(workflow_id)
    try:
        await trigger_service.start(workflow_id, None, form.decoded_properties())
    except AppError as error:
        return _start_page(request, workflow_id, startable, form.failed(error))
    return go(request, f"/workflows/{workflow_id}/runs", "A run was asked for. It shows here in a moment.")


ROUTES: list[Any] = [start_workflow, show_start, start_without_contact]
