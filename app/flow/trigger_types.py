"""What can start a run, for `GET /api/v1/trigger-types`, the trigger's form and validation.

A trigger is part of the graph document, not a node: it has no run of its own and exactly one way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from app.flow.document import NEXT, Conditions, EventName, Match


class EventConfig(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Contacts enter when this event happens to them and the conditions hold."""

    event: EventName
    conditions: Conditions = msgspec.field(default_factory=list)
    match: Match = "all"


class ManualConfig(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Contacts enter when a person or a program starts them; conditions are checked then too."""

    conditions: Conditions = msgspec.field(default_factory=list)
    match: Match = "all"


@dataclass(frozen=True)
class TriggerType:
    name: str
    label: str
    description: str
    config: type[msgspec.Struct]
    category: str = "trigger"
    ports: tuple[str, ...] = (NEXT,)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the trigger's fields beside `type` and `position`."""
        return msgspec.json.schema(self.config)


TRIGGER_TYPES = {
    kind.name: kind
    for kind in (
        TriggerType("event", "An event happens", "Starts when an event arrives for a contact.", EventConfig),
        TriggerType(
            "manual", "Started by hand", "Starts when somebody, or a program, puts a contact in.", ManualConfig
        ),
    )
}
