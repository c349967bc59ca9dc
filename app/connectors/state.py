"""Whether a connector works: `ok`, `away` (its server cannot be used for now) or `paused` (its settings do not work).

Written at changes only, whoever sees them: a worker that sends, or the web when somebody sends a test, changes the settings or presses
"Try again". A result counts only for the settings it was made with, so one that was under way during a change says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from app.connectors.smtp_answers import Result

log = structlog.get_logger()
State = Literal["ok", "away", "paused"]

# Somebody who sent before a pause may still report that the server is away: that is no news, and no end of the pause.
CHANGE = """
update connectors set state = %(state)s, state_since = clock_now(), state_message = %(words)s
where id = %(id)s and tenant_id = %(tenant)s and updated_at = %(as_of)s and state <> %(state)s
  and (state <> 'paused' or %(by_hand)s)
returning id
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """A connector's state, as it was when somebody began to use it."""

    id: UUID
    tenant_id: int
    state: str
    since: datetime | None
    as_of: datetime
    """When its settings were last changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a connector comes into."""

    of: Condition
    state: State
    words: str | None = None
    by_hand: bool = False
    """Somebody asked for it, so it may also end a pause."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Of CHANGE."""
        return {
            "state": self.state,
            "words": self.words[:500].replace("\x00", "") if self.words else None,
            "id": self.of.id,
            "tenant": self.of.tenant_id,
            "as_of": self.of.as_of,
            "by_hand": self.by_hand,
        }

    def tell(self) -> None:
        """The one line in the log; when the change was written."""
        say = log.info if self.state == "ok" else log.warning
        say(f"connector.{self.state}", connector_id=str(self.of.id), tenant_id=self.of.tenant_id, message=self.words)


def change_of(condition: Condition, result: Result, *, by_hand: bool = False) -> Change | None:
    """What the result of a send says about the connector; None when nothing new.

    A success clears `away` only when it began after that was known: else it says how things were before.
    """
    if result.kind == "misconfigured":
        return Change(condition, "paused", result.text, by_hand) if condition.state != "paused" else None
    if result.kind == "away":
        return Change(condition, "away", result.text) if result.everyone and condition.state == "ok" else None
    works = result.kind in ("sent", "deferred", "rejected")
    if works and (condition.state == "away" or (by_hand and result.kind == "sent" and condition.state == "paused")):
        return Change(condition, "ok", by_hand=by_hand)
    return None
