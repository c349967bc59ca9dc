"""From a claimed row to a mail that is ready to leave: through the gateway, into its template, out as MIME. No network here.

Whatever goes wrong with one message is the end of that message only; the rest of its batch goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.connectors.schemas import Sender
from app.connectors.senders import sender_of
from app.connectors.state import Condition
from app.lib import clock, crypto
from app.lib.addresses import BadAddress, wire_address
from app.messaging import gateway
from app.messaging.channels.email import content, mime
from app.messaging.channels.email.smtp_connection import Mail
from app.messaging.channels.filling import PartError
from app.messaging.channels.message_ids import wire_message_id
from app.messaging.channels.parts import Parts
from app.messaging.desk import Desk, Way
from app.messaging.holds import Cause
from app.messaging.ledger import Due, Move
from app.models.status import MessageStatus
from app.values.contact_view import liquid_data_of

log = structlog.get_logger()
UNREADABLE = "The password of the connector cannot be read. Enter it again."


@dataclass(slots=True)
class Claimed:
    """A message that may go, and by what. It becomes a mail when a connection is free for it."""

    due: Due
    sender: Sender
    condition: Condition
    source: Parts


@dataclass(slots=True)
class Ready:
    """A mail that may go, and through what."""

    due: Due
    sender: Sender
    condition: Condition
    subject: str
    mail: Mail

    @property
    def intent(self) -> Move:
        """What is written down before the send."""
        to = self.mail.recipient
        return Move(self.due, MessageStatus.SENDING, to, self.subject, connector_id=self.sender.id)


def failed(due: Due, error: str, reason: str) -> Move:
    return Move(due, MessageStatus.FAILED, error=error, port="error", reason=reason)


def suppressed(due: Due, verdict: gateway.Verdict) -> Move:
    return Move(due, MessageStatus.SUPPRESSED, error=verdict.text, port=verdict.port, reason=verdict.reason)


class Unsendable(Exception):
    """This message cannot be made: a stable reason and a sentence."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class Unreadable(Exception):
    """A connector whose password was sealed with another key."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition


def admit(due: Due, desk: Desk, *, probing: bool = False) -> Move | Claimed | Cause:
    """Pass the gateway and find the way out. A Move is the end of this message instead, a Cause holds it. Raises Unreadable.

    `probing`: it is the one that tries a server which is away.
    """
    try:
        verdict = gateway.judge(desk.facts(due))
        if verdict.say == "suppress":
            return suppressed(due, verdict)
        if verdict.say == "later":
            return Cause("workflow_paused", due.tenant_id, due.lane, due.workflow_id)
        way = _way(due, desk)
        if isinstance(way, Cause):
            return way
        if way.state == "away" and not probing:
            return Cause("server_away", due.tenant_id, due.lane, way.id)
        source = desk.templates.get((due.tenant_id, due.template_id)) if due.template_id else None
        if source is None:
            raise Unsendable("no_template", "The template was deleted.")
        return Claimed(due, _sender(way), way.condition, source)
    except Unsendable as error:
        return failed(due, str(error), error.reason)


def make(claimed: Claimed) -> Move | Ready:
    """Fill the template and build the mail. A Move is the end of this message instead. No database here, but some milliseconds."""
    due = claimed.due
    try:
        return _made(due, claimed.sender, claimed.condition, claimed.source)
    except PartError as error:
        return failed(due, str(error), "template_error")
    except Unsendable as error:
        return failed(due, str(error), error.reason)
    except Exception as error:
        log.exception("message.unprepared", run_id=str(due.run_id), seq=due.seq, tenant_id=due.tenant_id)
        return failed(due, f"The mail could not be built ({type(error).__name__}).", "internal_error")


def _way(due: Due, desk: Desk) -> Way | Cause:
    """The connector that the message leaves by: the one its step names, else the default of now."""
    named = due.asked.get("connectorId")
    way = desk.ways.get((due.tenant_id, UUID(named) if named else None))
    if way is None and named:
        raise Unsendable("no_connector", "The connector that this step names was deleted.")
    if way is None:
        return Cause("no_connector", due.tenant_id, due.lane)
    return Cause("connector_paused", due.tenant_id, due.lane, way.id) if way.state == "paused" else way


def _sender(way: Way) -> Sender:
    try:
        return sender_of(way.id, way.config, way.secret)
    except crypto.Unreadable as error:
        raise Unreadable(way.condition) from error


def _made(due: Due, sender: Sender, condition: Condition, source: Parts) -> Ready:
    asked, contact = due.asked, due.contact or {}
    unsubscribe = mime.unsubscribe_url(
        mime.Unsubscribe(due.tenant_id, due.contact_id, due.run_id, due.seq, asked.get("topic"))
    )
    parts = content.render(
        Parts(asked.get("subject") or source.subject, source.html, source.text),
        _data_of(due, contact, unsubscribe),
    )
    envelope = mime.Envelope(
        message_id=wire_message_id(due.run_id, due.seq),
        sender=_wire(asked.get("fromEmail") or sender.from_email, "invalid_sender"),
        sender_name=asked.get("fromName") or sender.from_name,
        reply_to=_wire(asked["replyTo"], "invalid_sender") if asked.get("replyTo") else "",
        recipient=_wire(str(contact["email"]), "invalid_address"),
        unsubscribe_url=unsubscribe,
        at=clock.now(),
    )
    own = not asked.get("fromEmail") or envelope.sender == _wire(sender.from_email, "invalid_sender")
    mail = Mail(envelope.sender, envelope.recipient, mime.build(envelope, parts), own)
    return Ready(due, sender, condition, parts.subject, mail)


def _data_of(due: Due, contact: Mapping[str, Any], unsubscribe_url: str) -> dict[str, Any]:
    """Everything that a template of this message can read."""
    context = due.context or {}
    return {
        "contact": liquid_data_of(contact),
        "event": due.trigger_event or {},
        "steps": context.get("steps") or {},
        "vars": context.get("vars") or {},
        "workspace": {"timezone": due.timezone},
        "unsubscribe_url": unsubscribe_url,
        "unsubscribeUrl": unsubscribe_url,
    }


def _wire(address: str, reason: str) -> str:
    try:
        return wire_address(address)
    except BadAddress as error:
        raise Unsendable(reason, str(error)) from error
