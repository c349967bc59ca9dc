"""Pages of the send ledger: every message with its status and reason, and one message."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.permission import label_of
from app.errors import Invalid
from app.lib import flash
from app.lib.fragments import page
from app.messaging import repository
from app.messaging.service import MessageService, message_id
from app.models import Message
from app.models.status import MessageStatus, Role
from app.settings import settings

Asked = Request[Any, Any, Any]
Database = NamedDependency[AsyncSession]
PAGE = 50
SHOWN = ("queued", "sending", "sent", "failed", "uncertain", "suppressed")
"""Statuses that this product reaches by itself; the others come with delivery events."""


def _uuid(name: str, value: str) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError as error:
        raise Invalid(errors=[{"path": name, "message": "Choose one from the list."}]) from error


@get("/messages", role=Role.VIEWER, include_in_schema=False)
async def list_messages(
    request: Asked,
    db_session: Database,
    status: FromQuery[str] = "",
    workflow: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The ledger, those of the newest runs first."""
    service = MessageService(db_session, request.user)
    found = await service.list(
        PAGE,
        cursor,
        status=status or None,
        workflow_id=_uuid("workflow", workflow),
        contact_id=_uuid("contact", contact),
    )
    names = await repository.workflow_names(db_session, service.tenant_id, {row.workflow_id for row in found.items})
    return page(
        request,
        "messages/list.html",
        block="rows",
        rows=[(message_id(row), MessageStatus(row.status).word, row) for row in found.items],
        addresses=await repository.addresses(db_session, service.tenant_id, {row.contact_id for row in found.items}),
        names=names,
        next_cursor=found.next_cursor,
        given={"status": status, "workflow": workflow, "contact": contact},
        status_options=[("", "Any"), *((word, word.capitalize()) for word in SHOWN)],
        workflows=await repository.sending_workflows(db_session, service.tenant_id),
        local=settings().local,
        first=not cursor,
    )


@get("/messages/{text:str}", role=Role.VIEWER, include_in_schema=False)
async def show_message(request: Asked, db_session: Database, text: FromPath[str]) -> Template:
    """One message: what it is, where it belongs, what became of it, and what it says."""
    service = MessageService(db_session, request.user)
    row: Message = await service.get(text)
    names = await repository.workflow_names(db_session, service.tenant_id, {row.workflow_id})
    template = await repository.template(db_session, service.tenant_id, row.template_id) if row.template_id else None
    return page(
        request,
        "messages/show.html",
        label_of=label_of,
        row=row,
        id=text,
        status=MessageStatus(row.status).word,
        workflow=names.get(row.workflow_id),
        template=template,
        contact=await repository.contact(db_session, service.tenant_id, row.contact_id),
        delivered=await repository.mail_called(db_session, service.tenant_id, f"<{row.run_id}.{row.seq}@throughline>")
        if settings().local
        else None,
    )


@post("/messages/{text:str}/settle", role=Role.MARKETER, include_in_schema=False)
async def settle_message(request: Asked, db_session: Database, text: FromPath[str]) -> Response[bytes]:
    """A person found out what became of an uncertain message."""
    form = await request.form()
    if form.get("as") not in ("sent", "failed"):
        raise Invalid(errors=[{"path": "as", "message": "Say whether it was sent or failed."}])
    sent = form.get("as") == "sent"
    await MessageService(db_session, request.user).settle(text, sent=sent)
    return flash.go(request, f"/messages/{text}", "Marked as sent." if sent else "Marked as not sent.")


HANDLERS: list[Any] = [list_messages, show_message, settle_message]
