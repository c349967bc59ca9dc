"""What the engines of this process do, when they last took and committed something, and what they wait for.

Written by the threads that move runs, read by that of the heartbeat: a process whose work hangs still says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any


class EngineProgress:
    """One engine's. Times are this process's own; what is reported are seconds that have passed, for other machines to reckon with."""

    def __init__(self) -> None:
        self.doing, self._since = "idle", time.monotonic()
        self._claimed: float | None = None
        self._committed: float | None = None
        self._held_up: dict[str, tuple[str, float]] = {}
        """By kind of work (`events`, `due`): what is in its way, and since when."""

    def does(self, what: str) -> None:
        """From now on: `idle`, `claiming`, `walking` or `writing`."""
        now = time.monotonic()
        if what == "walking":
            self._claimed = now
        if what != self.doing:
            self.doing, self._since = what, now

    def through(self, kind: str, item_count: int) -> None:
        """Work of this kind went through: what held it up does so no more. With `taken` a batch was committed."""
        self._held_up.pop(kind, None)
        if item_count:
            self._committed = time.monotonic()

    def held_up(self, kind: str, by: str) -> None:
        """A wait has ended without success. `by`: `turn`, `lock`, `time` or `month` (its table is missing); from the first in a row."""
        if self._held_up.get(kind, ("", 0.0))[0] != by:
            self._held_up[kind] = by, time.monotonic()

    def report(self) -> dict[str, Any]:
        """JSON, seconds."""
        now = time.monotonic()

        def ago(at: float | None) -> float | None:
            return None if at is None else round(now - at, 1)

        return {
            "doing": self.doing,
            "for": ago(self._since),
            "claimed": ago(self._claimed),
            "committed": ago(self._committed),
            "heldUp": {kind: {"by": by, "for": ago(since)} for kind, (by, since) in dict(self._held_up).items()},
        }


class Progress:
    """One process's: of all its engines."""

    def __init__(self) -> None:
        self._engines = {0: EngineProgress()}

    def of(self, number: int) -> EngineProgress:
        """That of one engine, by its number in this process."""
        return self._engines.setdefault(number, EngineProgress())

    def report(self) -> dict[str, Any]:
        """For `heartbeats.detail`: the process as one, in which one engine may stand while the other works, and `engines` by themselves.

        It does what has been going on for longest, commits when either does, and is held up in what holds up one of them.
        """
        reports = [one.report() for _, one in sorted(self._engines.copy().items())]
        if len(reports) == 1:
            return reports[0]
        longest = max(reports, key=lambda report: (report["doing"] != "idle", report["for"]))
        held_up: dict[str, Any] = {}
        for report in reports:
            for kind, holder in report["heldUp"].items():
                held_up[kind] = max(held_up.get(kind, holder), holder, key=lambda one: float(one["for"]))
        return {
            "doing": longest["doing"],
            "for": longest["for"],
            "claimed": _latest(report["claimed"] for report in reports),
            "committed": _latest(report["committed"] for report in reports),
            "heldUp": held_up,
            "engines": reports,
        }


def _latest(ages: Iterable[float | None]) -> float | None:
    return min((age for age in ages if age is not None), default=None)


progress = Progress()
"""That of this process."""
