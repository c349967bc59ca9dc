"""The part of a trigger's form in the builder that says where it is called, with which secrets, and what came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.lib.translation import gettext
from app.models.status import Role
from app.web.fragments import page
from app.webhooks.schemas import NewSecret
from app.webhooks.service import WebhookService

PART = "/workflows/{workflow_id:uuid}/triggers/{trigger_id:str}/webhook"


async def _part(
    request: AppRequest,
    webhooks: WebhookService,
    workflow_id: UUID,
    trigger_id: str,
    secret: str = "",
    refused: str = "",
) -> Template:
    view = await webhooks.view(workflow_id, trigger_id)
    rows = await webhooks.samples(workflow_id, trigger_id)
    outcomes = await webhooks.preview(workflow_id, trigger_id, None, [(row.payload, row.headers or {}) for row in rows])
    return page(
        request,
        "webhooks/address.html",
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        view=view,
        unsigned=await webhooks.unsigned(workflow_id, trigger_id),
        secret=secret,
        refused=refused,
        samples=list(zip(rows, outcomes, strict=True)),
    )


@get(PART, role=Role.MARKETER)
async def show_webhook(
    request: AppRequest,
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """The address, and the last calls as the saved mapping reads them; it is asked again whenever the form was saved."""
    return await _part(request, webhooks, workflow_id, trigger_id)


@post(PART + "/address", role=Role.MARKETER, status_code=200)
async def change_address(
    request: AppRequest,
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """Another address, at once."""
    await webhooks.change_address(workflow_id, trigger_id)
    return await _part(request, webhooks, workflow_id, trigger_id)


@post(PART + "/secret", role=Role.MARKETER, status_code=200)
async def make_secret(
    request: AppRequest,
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """A new secret, shown this once; or the one that the sender made, which its author has."""
    form = await request.form()
    if "of_sender" not in form:
        secret, _ = await webhooks.make_secret(workflow_id, trigger_id, None)
        return await _part(request, webhooks, workflow_id, trigger_id, secret)
    try:
        sent = msgspec.convert({"secret": str(form.get("sender_secret", "")).strip()}, NewSecret)
    except msgspec.ValidationError:
        refused = gettext("Enter the secret as the sender shows it: 16 to 200 characters without spaces.")
        return await _part(request, webhooks, workflow_id, trigger_id, refused=refused)
    await webhooks.make_secret(workflow_id, trigger_id, str(sent.secret))
    return await _part(request, webhooks, workflow_id, trigger_id)


@post(PART + "/forget", role=Role.MARKETER, status_code=200)
async def forget_calls(
    request: AppRequest,
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
) -> Template:
    """Delete what came."""
    await webhooks.forget_samples(workflow_id, trigger_id)
    return await _part(request, webhooks, workflow_id, trigger_id)


ROUTES: list[Any] = [show_webhook, change_address, make_secret, forget_calls]
