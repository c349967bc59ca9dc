"""JSON of how long data is kept."""

from __future__ import annotations

from datetime import datetime

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
    """`days` by `rule`, 0 for ever, as in `{"days": {"runs": 90}}`; what is left out stays as it is."""

    days: dict[str, int]
