"""The retry of a step that sends goes with its message; a step that says nothing adds nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.engine.compiled import CompiledFlow
from app.flow.document import Flow
from app.flow.effects import Message
from app.flow.retry import Retry


def payload(retry: dict[str, Any] | None) -> dict[str, Any]:
    """What the message of a one-step workflow carries."""
    node = {
        "id": "mail",
        "type": "send_email",
        "data": {"templateId": str(uuid4())},
        **({"retry": retry} if retry else {}),
    }
    document = {"trigger": {"type": "manual"}, "nodes": [node], "edges": [{"source": "trigger", "target": "mail"}]}
    outcome = CompiledFlow(uuid4().bytes, 1, 1, Flow.load(document)).nodes["mail"].constant_outcome
    assert outcome is not None
    (message,) = [effect for effect in outcome.effects if isinstance(effect, Message)]
    return message.payload


@pytest.mark.parametrize(
    ("rule", "attempts", "waits"),
    [
        ({"attempts": 4, "backoff": {"type": "fixed", "delay": 90_000, "jitter": False}}, 4, [90, 90, 90]),
        ({"maxAttempts": 3, "backoff": "exponential", "delaySeconds": 5, "jitter": False}, 3, [5, 10]),
    ],
)
def test_the_rule_goes_with_the_message(rule: dict[str, Any], attempts: int, waits: list[float]) -> None:
    retry = Retry.unpacked(payload(rule)["retry"])
    assert retry.attempts == attempts
    assert [retry.pause(n, 0.5) for n in range(1, attempts)] == waits


def test_without_a_rule_nothing_is_added() -> None:
    assert "retry" not in payload(None)
