"""The gateway: may this message go out, now? Every channel passes it, in the transaction before the send.

A pure function over what that transaction read, so that no caller can forget a check and every refusal has its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from app.lib.translation import gettext, translatable
from app.models.status import Channel, RunStatus
from app.subscriptions.permission import ContactFacts, SuppressionEntry, permission

_OVER = {
    RunStatus.CANCELLED: ("run_cancelled", translatable("The run was cancelled before the message left.")),
    RunStatus.EXITED: ("run_exited", translatable("The contact left the workflow before the message left.")),
    RunStatus.GOAL_REACHED: ("goal_reached", translatable("The contact reached the goal before the message left.")),
}
"""Ends that make a queued message wrong. A completed or failed run still meant what it queued."""
_FAULTS = ("no_address", "invalid", "bounced")
"""Reasons for which a waiting run leaves by its error port: the person cannot be reached. Who said no is no error."""


class SendCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a message at send time."""

    channel: Channel | str
    workflow_status: str | None
    """None when the workflow was deleted."""
    run_status: int | None
    contact_known: bool
    address: str | None
    consent: Mapping[str, Any]
    topic: str | None
    transactional: bool = False
    """Does its step say that it needs no consent?"""
    suppression: SuppressionEntry | None
    """Why the address must not be written to, when it is on the list."""

    @property
    def contact(self) -> ContactFacts:
        """What the permission depends on."""
        return ContactFacts(
            known=self.contact_known,
            address=self.address,
            consent=self.consent,
            listed=self.suppression,
            transactional=self.transactional,
        )


class GatewayDecision(msgspec.Struct, frozen=True):
    """`send`; `requeue` (leave it queued); or `suppress` with a stable reason, a sentence, and the port that a waiting run leaves by.

    The reasons are those of `app.subscriptions.permission`, and here those of the workflow and the run.
    """

    say: Literal["send", "requeue", "suppress"]
    reason: str = ""
    text: str = ""
    port: Literal["next", "error"] = "next"


_SEND, _REQUEUE = GatewayDecision("send"), GatewayDecision("requeue")


def judge(facts: SendCheck) -> GatewayDecision:
    """The verdict over one message. The order is the order in which a person would want to hear the reason."""
    if facts.workflow_status == "paused":
        return _REQUEUE
    if facts.workflow_status != "active":
        return GatewayDecision(
            "suppress", "workflow_stopped", gettext("The workflow was archived or deleted before the message left.")
        )
    if facts.run_status in _OVER:
        return GatewayDecision("suppress", *_OVER[RunStatus(facts.run_status)])
    answer = permission(facts.contact, facts.channel, facts.topic)
    if answer.allowed:
        return _SEND
    return GatewayDecision(
        "suppress", answer.reason or "", answer.sentence, "error" if answer.reason in _FAULTS else "next"
    )
