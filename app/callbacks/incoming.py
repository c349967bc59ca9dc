"""What people write to our numbers: an event of the contact who has the number, and the end, or the beginning again, of messages to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.callbacks import incoming_repository
from app.callbacks.consequences import take_reports
from app.events.record import NewEvent, record
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.opt_words import opt_word
from app.messaging.channels.reports import IncomingMessage, MessageReport
from app.models.status import ReportKind
from app.subscriptions import suppression_repository
from app.subscriptions.repository import SubscriberRepository
from app.subscriptions.service import bring_back, unsubscribed_event
from app.subscriptions.suppression_repository import Put

REPLIED = "message.replied"
MOST_TEXT = 4_000
"""Characters of a reply that its event keeps."""


async def take_incoming(
    session: AsyncSession,
    tenant_id: int,
    connector_id: UUID,
    kind: type[ConnectorType],
    messages: Sequence[IncomingMessage],
) -> None:
    """Store what was written, each once however often it is told, and do what it asks for, in the transaction of the session."""
    channel = registry.channel_of(kind.type)
    more = await incoming_repository.stop_words(session, tenant_id) if messages else ()
    for message in sorted(messages, key=lambda one: one.at):
        number = channel.comparable(message.address)
        contacts = await incoming_repository.holders(session, tenant_id, channel, number)
        asked_for = message.asks_for or opt_word(message.text, more)
        if asked_for == "stop":
            await _stop(session, tenant_id, channel, number, contacts)
        elif asked_for == "start":
            await _start(session, tenant_id, channel, number, contacts)
        if contacts:
            await _tell(session, tenant_id, connector_id, kind, message, contacts)


async def _tell(
    session: AsyncSession,
    tenant_id: int,
    connector_id: UUID,
    kind: type[ConnectorType],
    message: IncomingMessage,
    contacts: Sequence[UUID],
) -> None:
    """As a report on the message that it answers: the one that it names, else the latest to the number. Without one as an event alone."""
    channel = registry.channel_of(kind.type)
    answered = await incoming_repository.answered(session, tenant_id, connector_id, contacts, message.answers)
    if answered is not None:
        report = MessageReport(
            kind=ReportKind.REPLIED,
            at=message.at,
            reference=message_id(*answered.key),
            detail=message.text[:MOST_TEXT],
            key=message.key,
        )
        await take_reports(session, tenant_id, connector_id, kind, [report])
    elif not await incoming_repository.is_recorded(session, tenant_id, contacts[0], REPLIED, message.key):
        properties = {"channel": channel.type, "text": message.text[:MOST_TEXT], "providerId": message.key}
        event = NewEvent(name=REPLIED, contact_id=contacts[0], properties=properties, occurred_at=message.at)
        await record(session, tenant_id, [event])


async def _stop(
    session: AsyncSession, tenant_id: int, channel: type[ChannelType], number: str, contacts: Sequence[UUID]
) -> None:
    """Nothing more to this number by this channel, whoever has it, until they write START."""
    entry = Put(address=number, reason="unsubscribed", detail=gettext("Replied STOP."))
    new = await suppression_repository.put(session, tenant_id, channel.number, [entry])
    subscribers = SubscriberRepository(session, tenant_id)
    for contact_id in contacts:
        changed = await subscribers.merge_consent(contact_id, {channel.type: False})
        if changed or new:
            event = unsubscribed_event(contact_id, "contact", "unsubscribed", channel=channel.type)
            await record(session, tenant_id, [event])


async def _start(
    session: AsyncSession, tenant_id: int, channel: type[ChannelType], number: str, contacts: Sequence[UUID]
) -> None:
    """Messages again: what STOP had ended. A number that does not exist or complained stays on the list."""
    name, why, reasons = gettext("The recipient"), gettext("Replied START."), ("unsubscribed",)
    for contact_id in contacts:
        contact = await SubscriberRepository(session, tenant_id).get(contact_id)
        if contact is not None:
            await bring_back(session, contact, None, by="contact", name=name, why=why, reasons=reasons, channel=channel)
    await suppression_repository.lift(session, tenant_id, channel.number, number, by=name, why=why, reasons=reasons)
