"""What the answer of a provider means for the message: final, or retried, when, and until when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.connectors.state import ConnectorState, StateChange
from app.flow.retry import Retry
from app.lib import clock
from app.lib.formats import counted
from app.lib.translation import gettext, long_moment
from app.messaging.channels.result import Result
from app.messaging.ledger import GIVE_UP_HOURS, DueMessage, Transition
from app.messaging.outgoing import Ready, failed
from app.models.status import MessageStatus

ALONE_S, LONGEST_ALONE_S = 30.0, 900.0
"""Between the tries of a mail at which alone the server breaks off."""
GIVE_UP = timedelta(hours=GIVE_UP_HOURS)
"""How long a mail is tried whose step says nothing, and how long it waits for a server that cannot be used at all."""
LAST_TRY_S = 60.0


def outcome(ready: Ready, result: Result) -> Transition | None:
    """What `result` means for the message; None to leave it queued as it was, because nothing was about it."""
    match result.kind:
        case "sent":
            waits = ready.due.delivery_s if ready.kind.reports else None
            sent, provider_id = _over(ready, MessageStatus.SENT), result.provider_id or None
            return replace(sent, provider_id=provider_id, delivery_s=waits, devices=result.devices)
        case "uncertain":
            return replace(_over(ready, MessageStatus.UNCERTAIN, result.reason, result.text), devices=result.devices)
        case "rejected":
            return replace(_over(ready, MessageStatus.FAILED, result.reason, result.text), devices=result.devices)
        case "deferred":
            return deferred(ready, result)
        case "unavailable" if not (result.everyone or result.crowded):
            return _alone(ready.due, result, ready.condition)
        case (
            "unavailable" | "misconfigured" | "withheld"
        ):  # the connector's state holds it, or lets it go when that was mended meanwhile
            return None


def deferred(ready: Ready, result: Result) -> Transition:
    """The server said "not now" to this mail: when its step or the server wants it tried again, or the end."""
    due, tried = ready.due, ready.due.attempt + 1
    own = Retry.unpacked(due.options["retry"]) if due.options.get("retry") else None
    wait = (own or due.kind.retry).pause(tried, random.random())  # noqa: S311
    if result.wait_s:
        wait = max(wait, result.wait_s * random.uniform(1, 1.1))  # noqa: S311
    times = "once" if tried == 1 else counted(tried, "time")
    if own:
        given_up = tried >= own.attempts
    else:
        since_first_try = clock.now() - due.first_tried_at if due.first_tried_at else timedelta()
        remaining_s = (GIVE_UP - since_first_try).total_seconds()
        given_up, wait = remaining_s <= 0, min(wait, max(remaining_s, LAST_TRY_S))
    if given_up:
        return _over(ready, MessageStatus.FAILED, "deferred", f"Tried {times}. {result.text}")
    return Transition(
        due,
        MessageStatus.QUEUED,
        ready.packet.recipient,
        ready.subject,
        error=result.text,
        retry_s=wait,
        reason="deferred",
        connector_id=ready.sender.id,
        devices=result.devices,
    )


def _over(ready: Ready, status: MessageStatus, reason: str | None = None, error: str | None = None) -> Transition:
    port = "error" if status is MessageStatus.FAILED else "next"
    to, by = ready.packet.recipient, ready.sender.id
    return Transition(ready.due, status, to, ready.subject, error=error, port=port, reason=reason, connector_id=by)


def _alone(due: DueMessage, result: Result, condition: ConnectorState) -> Transition:
    """The connection broke at this mail, and others may pass: it is left queued. It costs the mail no try.

    It waits for 24 hours from when both it and the outage were there, so that what a pause held longer is not given up at once. It is
    asked for ever more rarely: it may be that the server does not like this recipient.
    """
    now = clock.now()
    began = max(due.created_at, condition.since or due.created_at)
    if now - began > GIVE_UP:
        return failed(
            due,
            gettext("Given up after %(hours)s hours. %(text)s", hours=GIVE_UP_HOURS, text=result.text),
            "server_away",
        )
    wait = min(max((now - due.created_at).total_seconds() / 4, ALONE_S), LONGEST_ALONE_S)
    until = began + GIVE_UP
    text = gettext(
        "%(text)s It is tried until %(moment)s UTC and then given up.",
        text=result.text,
        moment=long_moment(until),
    )
    return Transition(
        due,
        MessageStatus.QUEUED,
        error=text,
        retry_s=wait,
        counts=False,
        reason="server_away",
        connector_id=condition.id,
    )


@dataclass(eq=False, slots=True)
class SendOutcome:
    """What is to be written of a message that was claimed: an outcome, an end without a send, or that nothing happened."""

    due: DueMessage
    until: float
    """The moment when the lease is over."""
    ready: Ready | None = None
    result: Result | None = None
    move: Transition | None = None
    change: StateChange | None = None
    intended: bool = False
    """Its intent was written, so it has to be settled also when nothing of it has left."""


def sort(done: Sequence[SendOutcome]) -> tuple[list[Transition], list[DueMessage]]:
    """What is to be settled, and what goes back as it was."""
    moves, to_requeue = list[Transition](), list[DueMessage]()
    for send_outcome in done:
        move = (
            outcome(send_outcome.ready, send_outcome.result)
            if send_outcome.ready and send_outcome.result
            else send_outcome.move
        )
        if move is not None:
            moves.append(move)
        elif send_outcome.intended:
            moves.append(Transition(send_outcome.due, MessageStatus.QUEUED, counts=False))
        else:
            to_requeue.append(send_outcome.due)
    return moves, to_requeue
