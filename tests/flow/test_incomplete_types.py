"""A trigger type that is incomplete is refused by a sentence that names what is missing, as a step type is."""

from __future__ import annotations

import pytest

from app.flow import trigger_registry
from app.flow.trigger_type import TriggerType


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "does not say its type, label, description, Config"),
        ({"type": "tide", "label": "Tide"}, "does not say its description, Config"),
        ({"type": "event", "label": "Twice"}, "Two trigger types are called 'event'"),
    ],
)
def test_an_incomplete_trigger_type_is_refused(members: dict[str, str], said: str) -> None:
    known = dict(trigger_registry.types())
    with pytest.raises(ValueError, match=said):
        trigger_registry.trigger(type("Tide", (TriggerType,), dict(members)))
    assert trigger_registry.types() == known
