"""The share of each mail server in what this worker does: how many connections it gets, what is claimed for it, and how it is doing.

A server that says that it has too many connections gets half as many, and one more each time that as many mails in a row went well as
it has. When it cannot be used, the share is shut at once: what was not begun goes back, and the connector's state, which all workers
share, decides when it is tried again. No network and no database here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.messaging.channels.result import Result
from app.messaging.outgoing import Claimed

CONNECTIONS = 10
"""A worker keeps at most so many to one server."""
AT_ONCE = 100
"""Mails under way in all; every server gets one connection also beyond it."""
AHEAD = 4
"""So many mails are claimed for each connection, so that it does not wait for the next look."""
BREAKS, DEFERRALS = 5, 10
"""So many mails in a row that broke off, or were put off without a word about them, are the server's fault and not theirs."""


@dataclass(eq=False)
class Share:
    """What one server of one workspace gets from this worker."""

    limit: int = CONNECTIONS
    """Connections at a time."""
    sending: int = 0
    shut: bool = False
    changed: bool = False
    """`limit` is another one than the other workers know."""
    more: bool = False
    """The last look left mail of it in the queue."""
    claimed: deque[tuple[float, Claimed]] = field(default_factory=deque)
    """With the moment of the claim."""
    last_good: float = 0.0
    _cut: float = -1.0
    """When the server last said that it has too many connections."""
    _good: int = 0
    _broken: int = 0
    _deferred: int = 0

    def allow(self, room: int | None) -> None:
        """A look says that the server may be used, with so many connections."""
        self.shut = False
        if not self.changed:
            self.limit = min(room or CONNECTIONS, CONNECTIONS)

    def wanted(self) -> int:
        """How many mails to claim; none while there are enough for the next moments."""
        waiting = len(self.claimed)
        return 0 if self.shut or waiting > self.limit else self.limit * AHEAD - waiting

    def note(self, result: Result, began: float, now: float) -> bool:
        """Adapt the limit to the result of a mail that began at `began`. True when the server must get a pause."""
        if result.crowded and began <= self._cut:
            return False  # of the same rush: that was answered
        if result.crowded and self.limit > 1:
            self.limit, self.changed, self._good, self._cut = max(1, self.limit // 2), True, 0, now
            return False
        match result.kind:
            case "sent" | "rejected":
                self._well(now)
            case "deferred" if result.strict:
                self._well(now)
            case "deferred":
                self._deferred += 1
                self._broken = 0
            case "uncertain" if result.everyone:
                return self.last_good <= began  # while it said nothing to this one, did it take another?
            case "unavailable" | "uncertain":
                self._broken += 1
        everyone = result.everyone and result.kind == "unavailable"
        return everyone or self._broken >= BREAKS or self._deferred >= DEFERRALS

    def _well(self, now: float) -> None:
        self.last_good, self._broken, self._deferred = now, 0, 0
        self._good += 1
        if self._good >= self.limit and self.limit < CONNECTIONS:
            self.limit, self.changed, self._good = self.limit + 1, True, 0

    def shut_down(self) -> list[Claimed]:
        """Begin nothing more. Answers what was claimed and goes back."""
        self.shut, self._broken, self._deferred, self._good = True, 0, 0, 0
        return self.drop()

    def drop(self, older_than: float = float("inf")) -> list[Claimed]:
        """Take back what was claimed before that moment, of which the connections did not get through."""
        dropped = []
        while self.claimed and self.claimed[0][0] < older_than:
            dropped.append(self.claimed.popleft()[1])
        return dropped


def connections(share: Share, all_shares: Iterable[Share]) -> int:
    """How many connections `share` may have now, with all the others that have work."""
    busy = sum(1 for one in all_shares if one.sending or one.claimed) or 1
    return max(1, min(share.limit, AT_ONCE // busy))
