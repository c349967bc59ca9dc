"""How often a step is tried: as it says, else as its workflow, else as its type. The rule of a step that sends goes with its message."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.engine.compiled import CompiledFlow
from app.engine.compiled_node import CompiledNode
from app.flow.document import Flow
from app.flow.effects import SendMessage
from app.flow.retry import Retry


def compiled(node: dict[str, Any], settings: dict[str, Any] | None = None) -> CompiledNode:
    """The only step of a workflow."""
    edges = [{"source": "trigger", "target": "x"}]
    document = {
        "trigger": {"type": "manual"},
        "nodes": [{"id": "x", **node}],
        "edges": edges,
        "settings": settings or {},
    }
    return CompiledFlow(uuid4().bytes, 1, 1, Flow.load(document)).nodes["x"]


def payload(retry: dict[str, Any] | None, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the message of a one-step workflow carries."""
    mail = {"type": "send_email", "data": {"templateId": str(uuid4())}, **({"retry": retry} if retry else {})}
    outcome = compiled(mail, settings).constant_outcome
    assert outcome is not None
    (message,) = [effect for effect in outcome.effects if isinstance(effect, SendMessage)]
    return message.payload


@pytest.mark.parametrize(
    ("rule", "attempts", "waits"),
    [
        ({"attempts": 4, "backoff": {"type": "fixed", "delay": 90_000, "jitter": False}}, 4, [90, 90, 90]),
        ({"maxAttempts": 3, "backoff": "exponential", "delaySeconds": 5, "jitter": False}, 3, [5, 10]),
    ],
)
def test_the_rule_goes_with_the_message(rule: dict[str, Any], attempts: int, waits: list[float]) -> None:
    for carried in (payload(rule), payload(None, {"retry": rule}), payload(rule, {"retry": {"attempts": 9}})):
        retry = Retry.unpacked(carried["retry"])
        assert retry.attempts == attempts
        assert [retry.pause(n, 0.5) for n in range(1, attempts)] == waits


def test_without_a_rule_nothing_is_added() -> None:
    assert "retry" not in payload(None)
    assert "retry" not in payload(None, {"retry": None})


TAG = {"type": "add_tag", "data": {"tag": "a"}}
END = {"type": "end", "data": {}}


@pytest.mark.parametrize(
    ("node", "settings", "attempts"),
    [
        (TAG, {}, 1),
        (TAG, {"retry": {"attempts": 5}}, 5),
        (TAG, {"retry": {"maxAttempts": 6, "backoff": "fixed", "delaySeconds": 2}}, 6),
        ({**TAG, "retry": {"attempts": 2}}, {"retry": {"attempts": 5}}, 2),
        (END, {"retry": {"attempts": 5}}, 1),  # it cannot fail in a way that passes
    ],
)
def test_a_step_that_says_nothing_is_tried_as_its_workflow_says(
    node: dict[str, Any], settings: dict[str, Any], attempts: int
) -> None:
    assert compiled(node, settings).retry.attempts == attempts
