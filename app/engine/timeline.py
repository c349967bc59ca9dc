"""What happens to one contact in a batch, in its order, and how far that has been handled."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from app.engine.goals import CompiledGoal
from app.engine.interest import Arrival
from app.engine.state import NOBODY, RunState
from app.engine.stored_rows import PAST


class Timeline:
    """Of one contact, or of one run of nobody."""

    __slots__ = ("arrivals", "begun", "contact_id", "leaving", "place", "rank")

    def __init__(self, contact_id: bytes, arrivals: list[Arrival]) -> None:
        self.contact_id, self.arrivals = contact_id, arrivals
        self.place = 0
        """Of the one that is handled now."""
        self.begun, self.rank = False, -1
        """Has it reached goals and woken runs? And which of those who listen for it was the last that it started."""
        self.leaving: dict[Arrival, list[tuple[RunState, CompiledGoal]]] = {}
        """Runs that stand at their first step until the event comes that is known to end them."""

    @property
    def now(self) -> Arrival | None:
        """What happens now; None at the end."""
        return self.arrivals[self.place] if self.place < len(self.arrivals) else None

    def go_on(self) -> None:
        """It is handled: the next one."""
        self.place += 1
        self.begun, self.rank = False, -1

    def ahead(self) -> Iterator[Arrival]:
        """What comes after."""
        return itertools.islice(self.arrivals, self.place + 1, None)

    def put(self, past: Iterable[Arrival]) -> None:
        """Events that were handled before take their place; those that belong before what happens now are over."""
        first = self.place + self.begun
        if self.begun:
            begun = by_occurrence(self.arrivals[self.place])
            past = [arrival for arrival in past if by_occurrence(arrival) > begun]
        self.arrivals[first:] = sorted([*self.arrivals[first:], *past], key=by_occurrence)


def by_occurrence(arrival: Arrival) -> tuple[int, int, bool]:
    """The order of what happens to a contact; of the same instant what was handled before comes first."""
    item = arrival.item
    return item.occurred_at, item.stated_at, item.kind != PAST


def timelines(arrivals: Iterable[Arrival]) -> list[Timeline]:
    """Those of a batch, whose items are in order of contact, then of occurrence."""
    return [
        Timeline(contact_id, list(those))
        for contact_id, those in itertools.groupby(arrivals, key=lambda arrival: arrival.item.contact_id or NOBODY)
    ]
