"""When a trigger starts runs by the clock, and for whom. `app.schedules` fires it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal
from uuid import UUID

from app.flow.local_time import WORKSPACE
from app.lib.zones import zone_of

Missed = Literal["skip", "once", "all"]
"""What becomes of firings whose time has passed while nobody could fire: none of them, one for all, or each of them."""
PUNCTUAL = timedelta(seconds=90)
"""What is looked at no later than this was not missed: the worker had something else to do."""


@dataclass(frozen=True)
class Timetable:
    """A trigger's times. `fires(after, zone)`: the instants after an instant, in order.

    `zone`: `workspace`, or the name of a zone. `of_contacts` False: one run without a contact for each firing. True: a run for each
    member of the segment, or for each contact that the trigger lets in; at most `most` for a firing.
    """

    fires: Callable[[datetime, tzinfo], Iterator[datetime]]
    zone: str = WORKSPACE
    missed: Missed = "once"
    of_contacts: bool = False
    segment_id: UUID | None = None
    most: int | None = None

    def zone_in(self, workspace_zone: str) -> tzinfo:
        """The zone whose clocks count, in a workspace of this zone."""
        return zone_of(workspace_zone if self.zone == WORKSPACE else self.zone, workspace_zone)
