"""JSON of how long data is kept."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from app.retention.rules import CHOICES
from app.web.structs import Camel


class RetentionRule(Camel):
    """How long one kind of data is kept. `days` 0: for ever. `choices` are the days that can be chosen.

    `oldestAt`: when the oldest that is there began, or came in. `removedBefore`: some that is older was removed.
    """

    rule: str
    label: str
    description: str
    days: int
    choices: tuple[int, ...] = CHOICES
    oldest_at: datetime | None = None
    removed_before: datetime | None = None


class RetentionChange(Camel):
    """Days by rule, 0 for ever; what is left out stays as it is."""

    runs: int | UnsetType = UNSET
    events: int | UnsetType = UNSET
    imports: int | UnsetType = UNSET
    dead_letters: int | UnsetType = UNSET
    mailbox: int | UnsetType = UNSET

    def chosen(self) -> dict[str, int]:
        """By the name of the rule."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: days for name, days in values.items() if days is not UNSET}
