"""What the engine of this process does, when it last took and committed something, and what it waits for.

Written by the thread that moves runs, read by that of the heartbeat: a process whose work hangs still says so.
"""

from __future__ import annotations

import time
from typing import Any


class Progress:
    """One process's. Times are this process's own; what is reported are seconds that have passed, for other machines to reckon with."""

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
        """For `heartbeats.detail`: JSON, seconds."""
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


progress = Progress()
"""That of this process, which has one engine at a time."""
