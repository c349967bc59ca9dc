"""How many starts may begin now where a workflow limits them by the minute. Pure; instants are microseconds since 2000.

Evenly spread: with a limit of 100 one each 0.6 seconds. Passes come about each second, so what was missed lately is made up for, but no
more than the limit begins within any minute, wherever that minute begins.
"""

from __future__ import annotations

from typing import NamedTuple

MINUTE = 60_000_000
MADE_UP_FOR = 5_000_000
"""After a pause of the workers, or of the workflow, so much of it is made up for and no more: what waits stays spread."""
TOGETHER = 250_000
"""Starts so near each other are noted as one, as of the later: so few notes stand for a minute."""


class Pace(NamedTuple):
    """What a workflow let in lately."""

    last: int | None = None
    """The instant for which the last one counts, evenly spread."""
    recent: tuple[tuple[int, int], ...] = ()
    """Instants and how many began then, the oldest first."""

    def room(self, per_minute: int, since: int, now: int) -> int:
        """How many may begin now. `since`: since when the first of those waits who wait."""
        first = self._first(per_minute, since, now)
        if first > now:
            return 0
        evenly = (now - first) * per_minute // MINUTE + 1
        return max(0, min(evenly, per_minute - self._lately(now)))

    def after(self, count: int, per_minute: int, since: int, now: int) -> Pace:
        """The same once `count` of them have begun."""
        recent = [(at, n) for at, n in self.recent if at > now - MINUTE]
        if not count:
            return Pace(self.last, tuple(recent))
        if recent and recent[-1][0] > now - TOGETHER:
            at, n = recent.pop()
            recent.append((max(at, now), n + count))
        else:
            recent.append((now, count))
        first = self._first(per_minute, since, now)
        return Pace(first + -(-(count - 1) * MINUTE // per_minute), tuple(recent))

    def next_at(self, per_minute: int, now: int) -> int:
        """When the next one may begin, if somebody waits."""
        due = now if self.last is None else self.last + -(-MINUTE // per_minute)
        room, free = per_minute - self._lately(now), now
        for at, n in self.recent:
            if room > 0:
                break
            room, free = room + n, at + MINUTE
        return max(due, free)

    def _first(self, per_minute: int, since: int, now: int) -> int:
        """The instant for which the next one counts."""
        if self.last is None:
            return max(since, now - MADE_UP_FOR)
        return max(self.last + -(-MINUTE // per_minute), since, now - MADE_UP_FOR)

    def _lately(self, now: int) -> int:
        return sum(n for at, n in self.recent if at > now - MINUTE)
