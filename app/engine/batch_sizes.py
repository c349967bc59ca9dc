"""How large the batches of an engine may be, by kind of work. They outlive an engine that lost its connection."""

from __future__ import annotations

from typing import Any

Head = tuple[int, Any]
"""Workspace and id of an inbox row, or of a run."""
MOST_LOSSES = 3
"""How often one item, alone, may cost the session before it is taken out of the way: the server may have been away."""


class BatchSizes:
    """A fault makes batches smaller until what causes it stands alone; each that goes through makes them larger again."""

    def __init__(self) -> None:
        self._most: dict[str, int] = {}
        self._losses: dict[str, tuple[Head, int]] = {}

    def of(self, kind: str, limit: int) -> int:
        """The size of the next batch."""
        return min(self._most.get(kind, limit), limit)

    def set(self, kind: str, size: int) -> None:
        """Go on with this size."""
        self._most[kind] = size

    def shrink(self, kind: str, size: int) -> int:
        """A batch of this size failed. Answers the size to try again with."""
        self._most[kind] = max(1, size // 8)
        return self._most[kind]

    def through(self, kind: str, size: int, limit: int, *, larger: bool = True) -> None:
        """A batch of this size went through; the next one may be `larger`."""
        self._most[kind] = min(size * 2 if larger else size, limit)
        self._losses.pop(kind, None)

    def session_lost(self, kind: str, size: int, head: Head) -> None:
        """A batch of this size, `head` the first of it, was silent for so long that the server ended the session."""
        self.shrink(kind, size)
        if size == 1:
            before, losses = self._losses.get(kind, (head, 0))
            self._losses[kind] = head, losses + 1 if before == head else 1

    def unbearable(self, kind: str) -> Head | None:
        """What cost the session alone too often. Answered once."""
        head, losses = self._losses.get(kind, ((0, None), 0))
        if losses < MOST_LOSSES:
            return None
        del self._losses[kind]
        return head
