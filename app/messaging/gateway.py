"""The one door: may this message go out, now? Every channel passes it, in the transaction before the send.

A pure function over what that transaction read, so that no caller can forget a check and every refusal has its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from app.contacts.consent import may_send
from app.models.status import Channel, RunStatus

_OVER = {
    RunStatus.CANCELLED: ("run_cancelled", "The run was cancelled before the message left."),
    RunStatus.EXITED: ("run_exited", "The contact left the workflow before the message left."),
    RunStatus.GOAL_REACHED: ("goal_reached", "The contact reached the goal before the message left."),
}
"""Ends that make a queued message wrong. A completed or failed run still meant what it queued."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a message at send time."""

    channel: Channel
    workflow_status: str | None
    """None when the workflow is gone."""
    run_status: int | None
    contact_known: bool
    address: str | None
    consent: Mapping[str, Any]
    topic: str | None
    suppression: str | None
    """Why the address must not be written to, when it is on the list."""


class Verdict(msgspec.Struct, frozen=True):
    """`send`; `later` (leave it queued); or `suppress` with a stable reason, a sentence, and the port that a waiting run leaves by."""

    say: Literal["send", "later", "suppress"]
    reason: str = ""
    text: str = ""
    port: Literal["next", "error"] = "next"
    """A person who said no is no error; an address that cannot be reached is one."""


_SEND, _LATER = Verdict("send"), Verdict("later")


def judge(facts: Facts) -> Verdict:
    """The verdict over one message. The order is the order in which a person would want to hear the reason."""
    if facts.workflow_status == "paused":
        return _LATER
    if facts.workflow_status != "active":
        return Verdict("suppress", "workflow_stopped", "The workflow was archived or deleted before the message left.")
    if facts.run_status in _OVER:
        return Verdict("suppress", *_OVER[RunStatus(facts.run_status)])
    if not facts.contact_known:
        return Verdict("suppress", "contact_deleted", "The contact was deleted before the message left.")
    if not facts.address:
        return Verdict("suppress", "no_address", f"The contact has no {facts.channel.word} address.", "error")
    allowed, why_not = may_send(facts, facts.channel, facts.topic)
    if not allowed:
        return Verdict("suppress", "no_consent", why_not)
    if facts.suppression == "unsubscribed":
        return Verdict("suppress", "unsubscribed", "The address is unsubscribed.")
    if facts.suppression:
        return Verdict(
            "suppress", "suppressed", f"The address is on the suppression list ({facts.suppression}).", "error"
        )
    return _SEND
