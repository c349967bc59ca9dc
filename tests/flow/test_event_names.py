"""Either name of an event listens to the same one: in triggers, waits and goals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.flow.document import Flow, Goal
from app.flow.trigger_registry import subscriptions
from app.nodes.wait_for_event import WaitForEvent, WaitForEventConfig
from app.triggers.types.event import EventConfig, EventTrigger
from app.values.event_names import ALIASES


def flow(event: str) -> Flow:
    document: dict[str, Any] = {
        "triggers": [{"id": "trigger", "type": "event", "data": {"event": event}}],
        "nodes": [],
        "edges": [],
        "goals": [{"id": "goal", "event": event}],
    }
    return msgspec.convert(document, Flow)


@pytest.mark.parametrize(("written", "recorded"), sorted(ALIASES.items()))
def test_both_names_listen_to_the_recorded_one(written: str, recorded: str) -> None:
    by_alias = flow(written)
    assert set(subscriptions(by_alias.triggers)) == {recorded} == set(subscriptions(flow(recorded).triggers))
    assert [goal.event for goal in by_alias.goals] == [recorded]
    assert msgspec.convert({"event": written}, WaitForEventConfig).event == recorded
    assert WaitForEvent.summary(msgspec.convert({"event": written}, WaitForEventConfig)) == WaitForEvent.summary(
        WaitForEventConfig(event=recorded)
    )
    assert EventTrigger.title(EventConfig(event=written)) == EventTrigger.title(EventConfig(event=recorded))


@pytest.mark.parametrize("name", ["pipeline.message", "pipeline.message.read", "pipeline.order.paid", "message.opened"])
def test_other_names_are_themselves(name: str) -> None:
    assert EventConfig(event=name).event == name and Goal(id="goal", event=name).event == name


def test_nothing_chosen_is_nothing() -> None:
    assert EventConfig().event is None and Goal(id="goal").event is None and WaitForEventConfig().event is None
