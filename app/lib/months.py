"""Months of tables that are kept by month: which one an id belongs to, and the ids between which a month lies.

The month is that of the id's own time (UUIDv7, UTC), whatever a row says besides: an id never changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

AHEAD = 3
"""Months that are there beforehand."""
FEWEST_AHEAD = 2
"""With fewer something is wrong with whoever makes them, and there is time to mend it."""


class Month(NamedTuple):
    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Month:
        """The month of an instant, by UTC."""
        return cls(*at.astimezone(UTC).timetuple()[:2])

    def later(self, months: int) -> Month:
        """The month so many months later."""
        number = self.year * 12 + self.month - 1 + months
        return Month(number // 12, number % 12 + 1)

    @property
    def suffix(self) -> str:
        """How the tables of this month end: `2026_12`."""
        return f"{self.year:04d}_{self.month:02d}"

    @property
    def first_id(self) -> UUID:
        """Not above any id of this month, above every one of the months before."""
        return UUID(int=int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp() * 1000) << 80)


def month_of(id_: UUID) -> Month:
    """The month in which a UUIDv7 was made, or the month that begins with a bound."""
    return Month.of(datetime.fromtimestamp((id_.int >> 80) / 1000, UTC))


def bounds(month: Month) -> tuple[UUID, UUID]:
    """The ids of a month: from the first of these to below the second."""
    return month.first_id, month.later(1).first_id


def needed(now: Month) -> list[Month]:
    """This month and those that are to be there beforehand."""
    return [now.later(number) for number in range(AHEAD + 1)]


def ahead(now: Month, end: Month) -> int:
    """How many whole months after this one are there when `end` is the first that is not; negative when this one is missing."""
    return (end.year - now.year) * 12 + end.month - now.month - 1
