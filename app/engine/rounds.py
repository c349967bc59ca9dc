"""A round of the engine: whether due runs may go between two batches of events, and up to which instant events go before them.

Whoever waited when the round began goes first: an event ends a run, or takes it on, before its delay does. What comes while the round
goes on waits for due runs as they wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from app.engine import rows
from app.engine.stored_rows import Item


class Round:
    """One call of `Engine.advance`."""

    def __init__(self) -> None:
        self._began: int | None = None
        """When the first of its events were claimed, in microseconds since 2000."""
        self.runs_due = False
        """Were there due runs when the last events were claimed?"""
        self.events_before: datetime | None = None
        """Set beside events: due runs of workspaces where an event waits that came before it are left for later."""

    def claimed(self, items: Sequence[Item]) -> None:
        """A batch of events is handled."""
        self.runs_due = items[0].runs_due
        self._began = self._began or items[0].now

    @contextmanager
    def beside_events(self) -> Iterator[None]:
        """Around a batch of due runs between two of events."""
        self.events_before = None if self._began is None else rows.instant(self._began)
        try:
            yield
        finally:
            self.events_before = None
