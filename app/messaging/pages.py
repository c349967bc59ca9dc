"""Pages of the send ledger: every message with its status and reason, one message, and decisions about some or all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.repository import ContactRepository
from app.errors import Invalid
from app.history_start_repository import OF_RUNS
from app.lib import formats
from app.lib.ids import uuid7_moment
from app.lib.translation import gettext, translated_choices
from app.lists.service import ListChoice, ListService
from app.mailbox.repository import MailboxRepository
from app.message_templates.repository import TemplateRepository
from app.messaging import bulk_pages, export_pages, rules, step_choices
from app.messaging.bulk import COUNTED, job_view
from app.messaging.channels import registry
from app.messaging.channels.devices import PLATFORM_WORDS
from app.messaging.channels.message_ids import message_id, wire_message_id
from app.messaging.list_columns import MESSAGES
from app.messaging.report_repository import report_lines, reports_about
from app.messaging.service import MessageService, message_view
from app.models import Message
from app.models import Template as TemplateRow
from app.models.status import MessageStatus, Role
from app.settings import settings
from app.subscriptions.permission import reason_label
from app.values.contact_view import contact_name
from app.web import flash
from app.web.fragments import is_partial, page
from app.web.list_periods import PERIOD_WORDS

PAGE = 50
SHOWN = ("queued", "sending", "sent", "failed", "uncertain", "suppressed")
"""Statuses that this product reaches by itself; the others come with delivery events."""


async def _addresses(messages: MessageService, rows: Sequence[Message]) -> dict[str, str]:
    """Message → where it will go as its contact says now, for those that were not addressed yet."""
    waiting = [row for row in rows if not row.recipient]
    people = await messages.rows.identifiers({row.contact_id for row in waiting})
    return {
        message_id(row.run_id, row.seq): registry.shown(row.channel).address_of(people[row.contact_id])
        or next(filter(None, people[row.contact_id].values()), "")
        for row in waiting
        if row.contact_id in people
    }


async def _decided(messages: MessageService, rows: Sequence[Message]) -> dict[str, str]:
    """By the message's id, the last decision about it in words."""
    return {message_id(*key): of_one[-1].in_words for key, of_one in (await messages.decisions(rows)).items()}


async def _name_of(contact_rows: ContactRepository, contact_id: UUID | None) -> str:
    """What the contact is called to whom the list is narrowed; "" when it is not."""
    return contact_name(await contact_rows.get(contact_id)) if contact_id else ""


async def _choices(request: AppRequest, messages: MessageService, filter_columns: dict[str, Any]) -> dict[str, Any]:
    """What the filters offer, and what is the same for every list."""
    return {
        "counted_up_to": COUNTED,
        "local": settings().local,
        "several_channels": len(registry.channels()) > 1,
        **await step_choices.of_workflow(request, messages, filter_columns["workflow_id"], filter_columns["version"]),
        "status_options": [("", gettext("Any")), *((word, formats.words(word)) for word in SHOWN)],
        "workflows": await messages.rows.sending_workflows(),
        "connectors": await messages.rows.connector_names(),
        "label_of": reason_label,
        "reasons": [(word, reason_label(word)) for word in await messages.rows.reasons()],
        "periods": translated_choices(PERIOD_WORDS),
    }


@get("/messages", role=Role.VIEWER)
async def list_messages(
    request: AppRequest,
    messages: NamedDependency[MessageService],
    lists: NamedDependency[ListService],
    contact_rows: NamedDependency[ContactRepository],
    status: FromQuery[str] = "",
    workflow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    node: FromQuery[str] = "",
    connector: FromQuery[str] = "",
    reason: FromQuery[str] = "",
    period: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """The ledger, those of the newest runs first, or of the oldest."""
    form_values = bulk_pages.ListFilters(status, workflow, version, node, connector, reason, period, contact)
    sent, choice = msgspec.structs.asdict(form_values), ListChoice(sort, columns, view)
    state = await lists.state(MESSAGES, sent, choice, partial=is_partial(request))
    filter_columns, oldest = form_values.columns, state.order == "run"
    listed = await messages.list(PAGE, cursor, status=status or None, oldest_first=oldest, **filter_columns)
    may, message_filter = request.user.may(Role.MARKETER), form_values.fitting()
    return page(
        request,
        "messages/list.html",
        block="rows",
        state=state,
        rows=[(message_id(row.run_id, row.seq), MessageStatus(row.status).word, row) for row in listed.items],
        addresses=await _addresses(messages, listed.items),
        names=await messages.rows.workflow_names({row.workflow_id for row in listed.items}),
        decided=await _decided(messages, listed.items),
        then_of=lambda row: rules.then_in_words(row.payload, resent=row.resent_at is not None),
        titles=await step_choices.titles_of(request, messages, listed.items if state.shows("step") else ()),
        contact_name=await _name_of(contact_rows, filter_columns["contact_id"]),
        **await _choices(request, messages, filter_columns),
        run_started=lambda row: uuid7_moment(row.run_id),
        more=state.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        removed_before=None if listed.next_cursor else await messages.history.of(OF_RUNS),
        form_values=sent,
        filtered=form_values != bulk_pages.ListFilters(),
        kept=state.url(),
        may=may,
        choosable=may and any(MessageStatus(row.status).word in bulk_pages.OVER for row in listed.items),
        fitting=await bulk_pages.count_of(messages.jobs, message_filter if may and listed.items else None),
        jobs=[job_view(job) for job in await messages.jobs.under_way()],
        had_jobs=False,
    )


@get("/messages/{text:str}", role=Role.VIEWER)
async def show_message(
    request: AppRequest,
    messages: NamedDependency[MessageService],
    template_rows: NamedDependency[TemplateRepository],
    contact_rows: NamedDependency[ContactRepository],
    mails: NamedDependency[MailboxRepository],
    text: FromPath[str],
) -> Template:
    """One message: its workflow and step, status, history and content."""
    row: Message = await messages.get(text)
    names = await messages.rows.workflow_names({row.workflow_id})
    template = await template_rows.get_one_or_none(TemplateRow.id == row.template_id) if row.template_id else None
    decisions = (await messages.decisions([row])).get((row.run_id, row.seq), [])
    reports = await reports_about(messages.session, messages.tenant_id, (row.run_id, row.seq))
    by, meant = await messages.rows.connector_of(row)
    titles = await step_choices.titles_of(request, messages, [row])
    return page(
        request,
        "messages/show.html",
        by=by,
        stood_in_for=meant.name if by and meant and by.id != meant.id else "",
        reports=report_lines(reports),
        devices=message_view(row).devices or [],
        platform_words=PLATFORM_WORDS,
        label_of=reason_label,
        row=row,
        id=text,
        status=MessageStatus(row.status).word,
        then=rules.then_in_words(row.payload, resent=row.resent_at is not None),
        history=[(decision, MessageStatus(decision.was_status).word) for decision in reversed(decisions)],
        workflow=names.get(row.workflow_id),
        template=template,
        step=titles.get(text) or gettext("Step %(number)s", number=row.seq),
        contact=await contact_rows.get(row.contact_id),
        address=(await _addresses(messages, [row])).get(text, ""),
        several_channels=len(registry.channels()) > 1,
        delivered=await mails.called(wire_message_id(row.run_id, row.seq)) if settings().local else None,
    )


@post("/messages/{text:str}/settle", role=Role.MARKETER)
async def settle_message(
    request: AppRequest, messages: NamedDependency[MessageService], text: FromPath[str]
) -> Response[bytes]:
    """A person settles an uncertain message."""
    form = await request.form()
    if form.get("as") not in ("sent", "failed"):
        raise Invalid(errors=[{"path": "as", "message": gettext("Say whether it was sent or failed.")}])
    sent = form.get("as") == "sent"
    await messages.settle(text, sent=sent)
    return flash.go(
        request, f"/messages/{text}", gettext("Marked as sent.") if sent else gettext("Marked as not sent.")
    )


@post("/messages/{text:str}/resend", role=Role.MARKETER)
async def resend_message(
    request: AppRequest, messages: NamedDependency[MessageService], text: FromPath[str]
) -> Response[bytes]:
    """Put one that failed or is uncertain back into the queue."""
    await messages.resend(text)
    return flash.go(request, f"/messages/{text}", gettext("Queued again."))


ROUTES: list[Any] = [
    list_messages, show_message, settle_message, resend_message, *bulk_pages.ROUTES, *export_pages.ROUTES,
]  # fmt: skip
