"""Whether a connector works: `ok`, `away` (its server cannot be used for now) or `paused` (its settings do not work).

Written when it changes: by a worker that sends, or by the web process after a test mail, a change of settings or
"Try again". A result counts only for the settings it was made with, so one that was under way during a change says nothing.

`away` is a circuit breaker that all workers share, for all connectors of a workspace that use the same server in the same way: its
mail is held, and one mail tries the server at growing pauses (`probe_at`). The first that gets through closes it; the server then gets
one connection, and one more each time that as many mails in a row went well as it has (`room`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from app.messaging.channels.result import Result

log = structlog.get_logger()
State = Literal["ok", "away", "paused"]
PAUSE_S, LONGEST_PAUSE_S = 15.0, 900.0
SLOW_PAUSE_S, LONGEST_SLOW_PAUSE_S = 30.0, 3600.0
"""Limit for a server that takes the text and does not answer: each try leaves a mail whose fate is uncertain."""


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """A connector's state, as it was when its use began."""

    id: UUID
    tenant_id: int
    state: str
    since: datetime | None
    as_of: datetime
    """When its settings were last changed."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state that a connector comes into."""

    of: ConnectorState
    state: State
    words: str | None = None
    by_hand: bool = False
    """A person asked for the test, so it may also end a pause."""
    wait_s: float = 0.0
    """Of `away`: how long the server wants to be left alone at least."""
    slow: bool = False
    """Of `away`: the server took a mail and said nothing."""
    again: bool = False
    """Of `away`: it was so before, and one mail has just tried it."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Of `repository.CHANGE`."""
        return {
            "state": self.state,
            "words": self.words[:500].replace("\x00", "") if self.words else None,
            "id": self.of.id,
            "tenant": self.of.tenant_id,
            "as_of": self.of.as_of,
            "by_hand": self.by_hand,
            "shared": self.state != "paused",
            "again": self.again,
            "wait": self.wait_s,
            "pause": SLOW_PAUSE_S if self.slow else PAUSE_S,
            "longest": LONGEST_SLOW_PAUSE_S if self.slow else LONGEST_PAUSE_S,
        }

    def log(self) -> None:
        """Write the one line of the log about this change, once it is stored."""
        say = log.info if self.state == "ok" else log.warning
        say(f"connector.{self.state}", connector_id=str(self.of.id), tenant_id=self.of.tenant_id, message=self.words)


def change_of(
    condition: ConnectorState, result: Result, *, by_hand: bool = False, shut: bool | None = None
) -> StateChange | None:
    """What the result of a send says about the connector; None when nothing new.

    `shut`: whoever sends more than one has made up its mind whether the server is to be left alone. A success clears `away` only when it
    began after that was known: else it says how things were before.
    """
    if result.kind == "misconfigured":
        return StateChange(condition, "paused", result.text, by_hand) if condition.state != "paused" else None
    works = result.kind in ("sent", "rejected") or (result.kind == "deferred" and result.strict)
    if condition.state == "ok":
        unreachable = result.everyone and result.kind in ("unavailable", "uncertain") if shut is None else shut
        return away(condition, result) if unreachable else None
    if condition.state == "away" and not works and not by_hand and result.kind != "withheld":
        return away(condition, result)
    if works and (condition.state == "away" or (by_hand and result.kind == "sent")):
        return StateChange(condition, "ok", by_hand=by_hand)
    return None


def away(condition: ConnectorState, result: Result) -> StateChange:
    """The server cannot be used, or still cannot, because of what `result` says."""
    slow, again = result.kind == "uncertain", condition.state == "away"
    return StateChange(condition, "away", result.text, wait_s=result.wait_s or 0.0, slow=slow, again=again)
