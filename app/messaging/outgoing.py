"""Getting one claimed message ready: through the gateway, into its template, out as MIME. No network here.

Whatever goes wrong with one message is the end of that message only; the rest of its batch goes on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.connectors.schemas import Sender
from app.connectors.service import sender_of
from app.lib import addresses, clock, crypto
from app.messaging import email, gateway, ledger, rendering
from app.messaging.ledger import Connection, Due, Move
from app.messaging.schemas import Parts
from app.models.status import Channel, MessageStatus

log = structlog.get_logger()
AWAY_S = (30.0, 60.0)
GIVE_UP = timedelta(hours=24)
"""How long a mail waits for a server that cannot be used at all."""


@dataclass(slots=True)
class Ready:
    """A mail that may go: through what, from whom, to whom."""

    due: Due
    sender: Sender
    from_email: str
    recipient: str
    subject: str
    mime: bytes

    @property
    def intent(self) -> Move:
        """What is written down before the send."""
        return Move(self.due, MessageStatus.SENDING, self.recipient, self.subject, connector_id=self.sender.id)


class Desk:
    """What one claimed batch needs beside its rows: suppressions, templates, connectors. Three queries."""

    def __init__(self, connection: Connection, batch: Sequence[Due]) -> None:
        self.suppressed = ledger.suppressions(
            connection,
            [
                (due.tenant_id, addresses.comparable(due.contact["email"]))
                for due in batch
                if due.contact and due.contact["email"]
            ],
        )
        self.templates = ledger.templates(connection, {due.template_id for due in batch if due.template_id})
        self.senders: dict[tuple[int, UUID | None], Sender | crypto.Unreadable] = {}
        for tenant, connector, is_default, config, secret in ledger.connectors(
            connection, {due.tenant_id for due in batch}
        ):
            sender: Sender | crypto.Unreadable
            try:
                sender = sender_of(connector, config, secret)
            except crypto.Unreadable as error:
                sender = error
            self.senders[(tenant, connector)] = sender
            if is_default:
                self.senders[(tenant, None)] = sender

    def facts(self, due: Due) -> gateway.Facts:
        contact = due.contact or {}
        address = contact.get("email")
        return gateway.Facts(
            channel=Channel.EMAIL,
            workflow_status=due.workflow_status,
            run_status=due.run_status,
            contact_known=due.contact is not None,
            address=address,
            consent=contact.get("consent") or {},
            topic=due.asked.get("topic"),
            suppression=self.suppressed.get((due.tenant_id, addresses.comparable(address))) if address else None,
        )


def failed(due: Due, error: str, reason: str) -> Move:
    return Move(due, MessageStatus.FAILED, error=error, port="error", reason=reason)


def later(due: Due, error: str, reason: str) -> Move:
    """Leave it queued: nothing about the mail is wrong, there is no server to give it to."""
    if clock.now() - due.created_at > GIVE_UP:
        return failed(due, f"Given up after 24 hours. {error}", reason)
    wait = random.uniform(*AWAY_S)  # noqa: S311
    return Move(due, MessageStatus.QUEUED, error=error, retry_s=wait, forgive=True, reason=reason)


def prepare(due: Due, desk: Desk) -> Move | Ready:
    """Pass the gateway, fill the template, build the mail. A Move is the end (or delay) of this message instead."""
    try:
        return _prepare(due, desk)
    except rendering.PartError as error:
        return failed(due, str(error), "template_error")
    except email.BadAddress as error:
        return failed(due, f"This address cannot be written to: {error}", "bad_address")
    except Exception as error:
        log.exception("message.unprepared", run_id=str(due.run_id), seq=due.seq, tenant_id=due.tenant_id)
        return failed(due, f"The mail could not be built ({type(error).__name__}).", "internal_error")


def _prepare(due: Due, desk: Desk) -> Move | Ready:
    verdict = gateway.judge(desk.facts(due))
    if verdict.say == "suppress":
        return Move(due, MessageStatus.SUPPRESSED, error=verdict.text, port=verdict.port, reason=verdict.reason)
    if verdict.say == "later":
        return later(due, "The workflow is paused.", "workflow_paused")
    asked, contact = due.asked, due.contact or {}
    wanted = UUID(asked["connectorId"]) if asked.get("connectorId") else None
    sender = desk.senders.get((due.tenant_id, wanted))
    if sender is None and wanted:
        return failed(due, "The connector that this step names was deleted.", "no_connector")
    if sender is None:
        return later(due, "There is no connector for email. Add one under Connectors.", "no_connector")
    if isinstance(sender, crypto.Unreadable):
        return later(due, "The password of the connector cannot be read. Enter it again.", "connector_paused")
    source = desk.templates.get((due.tenant_id, due.template_id)) if due.template_id else None
    if source is None:
        return failed(due, "The template was deleted.", "no_template")
    unsubscribe = email.unsubscribe_url(
        email.Unsubscribe(due.tenant_id, due.contact_id, due.run_id, due.seq, asked.get("topic"))
    )
    parts = rendering.render(
        Parts(asked.get("subject") or source.subject, source.html, source.text),
        rendering.data_of(due, contact, unsubscribe),
    )
    envelope = email.Envelope(
        message_id=email.message_id(due.run_id, due.seq),
        sender=email.wire_address(asked.get("fromEmail") or sender.from_email),
        sender_name=asked.get("fromName") or sender.from_name,
        reply_to=asked.get("replyTo") or "",
        recipient=email.wire_address(str(contact["email"])),
        unsubscribe_url=unsubscribe,
        at=clock.now(),
    )
    return Ready(due, sender, envelope.sender, envelope.recipient, parts.subject, email.build(envelope, parts))
