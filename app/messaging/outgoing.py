"""From a claimed row to a message that is ready to leave: through the gateway, into its template, out in the form of its channel.

No network here. Whatever goes wrong with one message is the end of that message only; the rest of its batch goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.connectors.callback_address import callback_url
from app.connectors.senders import sender_of
from app.connectors.stand_ins import refusal
from app.connectors.state import ConnectorState
from app.lib import clock, crypto
from app.lib.translation import gettext
from app.messaging import gateway
from app.messaging.channels import registry
from app.messaging.channels.channel import Letter, Unsendable
from app.messaging.channels.connector import ConnectorType, Sender
from app.messaging.channels.filling import PartError
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Packet
from app.messaging.channels.unsubscribe_link import Unsubscribe, unsubscribe_url
from app.messaging.holds import Cause
from app.messaging.ledger import DueMessage, Transition
from app.messaging.send_context import SendContext, Way
from app.models.status import MessageStatus
from app.values.contact_view import liquid_data_of

log = structlog.get_logger()


@dataclass(slots=True)
class Claimed:
    """A message that may go, and by what. It is composed when a connection is free for it."""

    due: DueMessage
    kind: type[ConnectorType]
    sender: Sender
    condition: ConnectorState
    source: Parts
    senders: tuple[Sender, ...] = ()
    """Of a channel to devices: all that it may leave by."""


@dataclass(slots=True)
class Ready:
    """A composed message that may go, and through what."""

    due: DueMessage
    kind: type[ConnectorType]
    sender: Sender
    condition: ConnectorState
    subject: str
    packet: Packet

    @property
    def intent(self) -> Transition:
        """What is written down before the send."""
        to = self.packet.recipient
        return Transition(self.due, MessageStatus.SENDING, to, self.subject, connector_id=self.sender.id)


def failed(due: DueMessage, error: str, reason: str) -> Transition:
    return Transition(due, MessageStatus.FAILED, error=error, port="error", reason=reason)


def suppressed(due: DueMessage, verdict: gateway.GatewayDecision) -> Transition:
    return Transition(due, MessageStatus.SUPPRESSED, error=verdict.text, port=verdict.port, reason=verdict.reason)


class ConnectorUnusable(Exception):
    """A connector that cannot be used as it is stored: its secret was sealed with another key, or its type is not installed."""

    def __init__(self, condition: ConnectorState, sentence: str) -> None:
        self.condition, self.sentence = condition, sentence


def admit(
    due: DueMessage, context: SendContext, *, by: UUID | None = None, probing: bool = False
) -> Transition | Claimed | Cause:
    """Ask the gateway and choose the connector. A Transition ends this message instead, a Cause holds it. Raises ConnectorUnusable.

    `by`: the connector that its lane leaves by now, which may stand in for its own. `probing`: the message tries one that is away.
    """
    try:
        verdict = gateway.judge(context.facts(due))
        if verdict.say == "suppress":
            return suppressed(due, verdict)
        if verdict.say == "requeue":
            return Cause("workflow_paused", due.lane, due.workflow_id)
        first = _first_way(due, context)
        if isinstance(first, Cause):
            return first
        way = context.ways.get((due.tenant_id, due.channel, by)) or first if by else first
        if way.state == "paused" or (way.state == "away" and not probing):
            broken = first if first.state != "ok" else way
            return Cause("connector_paused" if broken.state == "paused" else "server_away", due.lane, broken.id)
        source = context.templates.get((due.tenant_id, due.template_id)) if due.template_id else None
        if source is None:
            raise Unsendable("no_template", gettext("The template was deleted."))
        if way is not first and (why := refusal(first, way, due.options, source.content)):
            return Cause("no_stand_in", due.lane, first.id, why)
        kind, sender = context.senders.get(way.id) or context.senders.setdefault(way.id, _sender(way))
        return Claimed(due, kind, sender, way.condition, source, _senders(due, context, sender))
    except Unsendable as error:
        return failed(due, str(error), error.reason)


def make(claimed: Claimed) -> Transition | Ready:
    """Fill the template and compose the message. A Transition is its end instead. No database here, but some milliseconds."""
    due = claimed.due
    try:
        composed = due.kind.compose(_letter(due, claimed.source, claimed.senders), claimed.sender)
    except PartError as error:
        return failed(due, str(error), "template_error")
    except Unsendable as error:
        return failed(due, str(error), error.reason)
    except Exception as error:
        log.exception("message.unprepared", run_id=str(due.run_id), seq=due.seq, tenant_id=due.tenant_id)
        return failed(
            due,
            gettext(
                "The %(noun)s could not be built (%(name)s).", noun=gettext(due.kind.noun), name=type(error).__name__
            ),
            "internal_error",
        )
    return Ready(due, claimed.kind, claimed.sender, claimed.condition, composed.subject, composed.packet)


def _first_way(due: DueMessage, context: SendContext) -> Way | Cause:
    """The connector that the message is meant for: the one its step names, else the default of its channel now."""
    connector_id = due.options.get("connectorId")
    way = context.ways.get((due.tenant_id, due.channel, UUID(connector_id) if connector_id else None))
    if way is None and connector_id:
        if label := context.other_channel_of(due.tenant_id, UUID(connector_id)):
            raise Unsendable(
                "no_connector",
                gettext(
                    "The connector that this step names belongs to another channel: %(channel_label)s.",
                    channel_label=label,
                ),
            )
        raise Unsendable("no_connector", gettext("The connector that this step names was deleted."))
    if way is None:
        return Cause("no_connector", due.lane)
    return way


def _sender(way: Way) -> tuple[type[ConnectorType], Sender]:
    kind = registry.connector_types().get(way.type)
    if kind is None:
        raise ConnectorUnusable(
            way.condition, gettext("Connectors of the type %(type)s are not installed here.", type=way.type)
        )
    try:
        return kind, sender_of(way.type, way.id, way.config, way.secret, callback_url(way.tenant_id, way.id))
    except crypto.CannotUnseal as error:
        raise ConnectorUnusable(
            way.condition,
            gettext(
                "The %(secret_word)s of the connector cannot be read. Enter it again.",
                secret_word=gettext(kind.secret_word),
            ),
        ) from error


def _senders(due: DueMessage, context: SendContext, sender: Sender) -> tuple[Sender, ...]:
    """Devices of one contact are reached by several connectors: all of the channel that can be used, unless the step names one."""
    if not due.kind.to_devices or due.options.get("connectorId"):
        return (sender,)
    others = list[Sender]()
    for way in context.of_channel(due.tenant_id, due.channel):
        if way.id == sender.id or way.state == "paused":
            continue
        try:
            one = context.senders.get(way.id) or context.senders.setdefault(way.id, _sender(way))
        except ConnectorUnusable:
            continue  # who sends by it as its own is told
        others.append(one[1])
    return (sender, *others)


def _letter(due: DueMessage, source: Parts, senders: tuple[Sender, ...] = ()) -> Letter:
    contact = due.contact or {}
    unsubscribe = unsubscribe_url(
        Unsubscribe(due.tenant_id, due.contact_id, due.run_id, due.seq, due.options.get("topic"))
    )
    return Letter(
        run_id=due.run_id,
        seq=due.seq,
        options=due.options,
        contact=contact,
        source=source,
        data=_data_of(due, contact, unsubscribe),
        unsubscribe_url=unsubscribe,
        at=clock.now(),
        senders=senders,
    )


def _data_of(due: DueMessage, contact: Mapping[str, Any], unsubscribe_link: str) -> dict[str, Any]:
    """Everything that a template of this message can read."""
    context = due.context or {}
    return {
        "contact": liquid_data_of(contact),
        "event": due.trigger_event or {},
        "steps": context.get("steps") or {},
        "vars": context.get("vars") or {},
        "workspace": {"timezone": due.timezone},
        "unsubscribe_url": unsubscribe_link,
        "unsubscribeUrl": unsubscribe_link,
    }
