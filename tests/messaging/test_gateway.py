"""The one door, as a pure function: the first reason wins, and what waits is not refused."""

from __future__ import annotations

from typing import Any

import pytest

from app.messaging.gateway import SendCheck, judge
from app.models.status import Channel, RunStatus
from app.subscriptions.permission import SuppressionEntry

FINE: dict[str, Any] = {
    "channel": Channel.EMAIL, "workflow_status": "active", "run_status": RunStatus.COMPLETED, "contact_known": True,
    "address": "zoe@example.com", "consent": {}, "topic": None, "suppression": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "say", "reason", "port"),
    [
        ({}, "send", "", "next"),
        ({"run_status": RunStatus.WAITING}, "send", "", "next"),
        ({"run_status": RunStatus.FAILED}, "send", "", "next"),
        ({"consent": {"email": True, "sms": False}, "topic": "news"}, "send", "", "next"),
        ({"workflow_status": "paused", "consent": {"email": False}}, "requeue", "", "next"),
        ({"workflow_status": "archived"}, "suppress", "workflow_stopped", "next"),
        ({"workflow_status": None}, "suppress", "workflow_stopped", "next"),
        ({"run_status": RunStatus.CANCELLED}, "suppress", "run_cancelled", "next"),
        ({"run_status": RunStatus.EXITED}, "suppress", "run_exited", "next"),
        ({"run_status": RunStatus.GOAL_REACHED}, "suppress", "goal_reached", "next"),
        ({"contact_known": False, "address": None}, "suppress", "contact_deleted", "next"),
        ({"address": None}, "suppress", "no_address", "error"),
        ({"address": ""}, "suppress", "no_address", "error"),
        ({"consent": {"email": False}}, "suppress", "no_consent", "next"),
        ({"consent": {"news": False}, "topic": "news"}, "suppress", "no_topic_consent", "next"),
        ({"address": "nobody"}, "suppress", "invalid", "error"),
        ({"suppression": SuppressionEntry(reason="unsubscribed")}, "suppress", "unsubscribed", "next"),
        (
            {"suppression": SuppressionEntry(reason="complained"), "consent": {"email": True}},
            "suppress",
            "complained",
            "next",
        ),
        ({"suppression": SuppressionEntry(reason="manual")}, "suppress", "manual", "next"),
        ({"suppression": SuppressionEntry(reason="bounced")}, "suppress", "bounced", "error"),
    ],
)
def test_verdicts(change: dict[str, Any], say: str, reason: str, port: str) -> None:
    verdict = judge(SendCheck(**{**FINE, **change}))
    assert (verdict.say, verdict.reason, verdict.port) == (say, reason, port)
    assert bool(verdict.text) == (say == "suppress"), "a refusal says why"
