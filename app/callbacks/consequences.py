"""What follows from reports: events of the contact, the suppression list, and the end of doubts whether a message left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.callbacks import report_repository
from app.callbacks.report_repository import ReportedMessage
from app.events.record import NewEvent, record
from app.messaging import decisions, deliveries
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.reports import MessageReport
from app.messaging.channels.unsubscribe_link import Unsubscribe
from app.messaging.deliveries import ReportOf
from app.models.status import MessageStatus, ReportKind, Role
from app.subscriptions import suppression_repository
from app.subscriptions.service import unsubscribed_event
from app.subscriptions.suppression_repository import Put
from app.subscriptions.unsubscribe import BadLink, unsubscribe

EVENT_NAMES = {
    ReportKind.DELIVERED: "message.delivered",
    ReportKind.OPENED: "message.opened",
    ReportKind.CLICKED: "message.clicked",
    ReportKind.BOUNCED: "message.bounced",
    ReportKind.FAILED: "message.bounced",
    ReportKind.COMPLAINED: "message.complained",
    ReportKind.REPLIED: "message.replied",
}
"""What contacts' events are called. Who unsubscribes is `contact.unsubscribed`, as by the link of a mail."""


async def take_reports(
    session: AsyncSession,
    tenant_id: int,
    connector_id: UUID,
    kind: type[ConnectorType],
    reports: Sequence[MessageReport],
) -> None:
    """Store reports and do what follows from those that are new, in the transaction of the session."""
    ordered = sorted(reports, key=lambda report: report.at)
    known = await report_repository.store(session, tenant_id, connector_id, ordered)
    matched_reports = {id(one.report) for one in known}
    unmatched = [one for one in ordered if one.provider_id and not one.message and id(one) not in matched_reports]
    await report_repository.keep_unmatched(session, tenant_id, connector_id, unmatched)
    fresh = [one for one in known if one.fresh]
    if not fresh:
        return
    by = Principal(
        kind="product", id=connector_id, tenant_id=tenant_id, role=Role.MARKETER, name=f"{kind.label}’s report"
    )
    marks = [ReportOf(one.run_id, one.seq, one.report.kind, one.report.detail[:1_000]) for one in fresh]
    in_doubt = {(one.run_id, one.seq) for one in fresh if one.status == MessageStatus.UNCERTAIN}
    if in_doubt:
        await decisions.decide(session, tenant_id, "sent", sorted(in_doubt), by)
    await deliveries.mark(session, tenant_id, marks)
    await _suppress(session, tenant_id, fresh)
    await record(session, tenant_id, [_event(one, name) for one in fresh if (name := _event_name(one))])
    for one in fresh:
        if one.report.kind is ReportKind.UNSUBSCRIBED and one.contact_id is not None:
            await _unsubscribe(session, tenant_id, one, one.contact_id)


def _event_name(one: ReportedMessage) -> str | None:
    return EVENT_NAMES.get(one.report.kind) if one.contact_id is not None else None


def _event(one: ReportedMessage, name: str) -> NewEvent:
    if one.contact_id is None:
        raise LookupError("an event of nobody")
    properties: dict[str, Any] = {
        "messageId": message_id(one.run_id, one.seq),
        "channel": registry.word_of(one.channel),
        "runId": str(one.run_id),
        "workflowId": str(one.workflow_id),
        "nodeId": one.node_id,
        "templateId": str(one.template_id) if one.template_id else None,
        "url": one.report.url[:2_000] or None,
        "detail": one.report.detail[:1_000] or None,
    }
    if one.report.kind is ReportKind.REPLIED:
        properties |= {"text": one.report.detail, "detail": None}
    if name == EVENT_NAMES[ReportKind.BOUNCED]:
        properties["lasting"] = one.report.lasting
    return NewEvent(
        name=name,
        contact_id=one.contact_id,
        properties={key: value for key, value in properties.items() if value is not None},
        occurred_at=one.report.at,
    )


async def _suppress(session: AsyncSession, tenant_id: int, fresh: Sequence[ReportedMessage]) -> None:
    """Addresses that do not exist, and people who complained, are not written to any more. A complaint is also the contact's own no."""
    wanted = defaultdict[int, list[Put]](list)
    complaints = []
    for one in fresh:
        complained = one.report.kind is ReportKind.COMPLAINED
        if one.recipient and (complained or (one.report.kind is ReportKind.BOUNCED and one.report.lasting)):
            reason = "complained" if complained else "bounced"
            wanted[one.channel].append(Put(address=one.recipient, reason=reason, detail=one.report.detail or None))
        if complained and one.contact_id is not None and registry.known(one.channel):
            more = {"channel": registry.word_of(one.channel), "messageId": message_id(one.run_id, one.seq)}
            complaints.append(unsubscribed_event(one.contact_id, "contact", "complained", **more))
    for channel, entries in sorted(wanted.items()):
        if registry.known(channel):
            await suppression_repository.put(session, tenant_id, channel, entries)
    await record(session, tenant_id, complaints)


async def _unsubscribe(session: AsyncSession, tenant_id: int, one: ReportedMessage, contact_id: UUID) -> None:
    try:
        await unsubscribe(session, Unsubscribe(tenant_id, contact_id, one.run_id, one.seq), everything=True)
    except BadLink:
        return  # the contact was erased meanwhile
