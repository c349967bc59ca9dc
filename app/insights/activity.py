"""Today against the usual: what a workspace did since midnight, beside the same weekday of the weeks before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from app.web.structs import Camel

MEASURES = ("entered", "completed", "failed", "goal_reached", "sent")
"""What is counted, in the order of `Totals`: runs that began, by how they ended, and messages that were sent."""
WEEKS = 4
"""Weeks that are compared with: those of them that are known."""
HOUR = timedelta(hours=1)
NEW = timedelta(hours=2)
"""A workspace whose counters were first written down within this time of its making had none before."""
Amounts = tuple[int, ...]
NOTHING: Amounts = (0,) * len(MEASURES)


class KnownTotals(NamedTuple):
    """Sums since the workspace exists, one for each of MEASURES, as they were at an instant."""

    at: datetime
    amounts: Amounts


class Measure(Camel):
    """What came together since midnight, and what usually has by this time of day; `usual` None: no week before is known.

    The curves hold a value for each hour of the day from midnight on, `curve` up to now.
    """

    today: int
    usual: float | None
    curve: list[float]
    usual_curve: list[float]

    @property
    def change(self) -> float | None:
        """By how many percent today is above the usual; None where there is nothing to compare with."""
        return 100 * (self.today - self.usual) / self.usual if self.usual else None


class Today(Camel):
    """The day so far. `since`: midnight in the reader's zone, or when counting began if that was later."""

    since: datetime
    whole: bool
    """It was counted since midnight."""
    weeks: int
    """How many of the weeks before are compared with."""
    weekday: datetime
    """The same day of the week before, to name its weekday."""
    measures: dict[str, Measure]


def spans_of(now: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """Midnight and the end of the day in `zone`: of today, and of the same weekday of the weeks before. In UTC."""
    day = now.astimezone(zone).date()
    days = [day - timedelta(weeks=week) for week in range(WEEKS + 1)]
    return [(_midnight(one, zone), _midnight(one + timedelta(days=1), zone)) for one in days]


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


class _Ledger:
    """What is known, and between two instants as much as if all hours were even."""

    def __init__(self, made_at: datetime, known: Sequence[KnownTotals], now: KnownTotals) -> None:
        self._rows = [*(row for row in known if row.at < now.at), now]
        self._is_new = self._rows[0].at - made_at <= NEW
        if self._is_new:
            self._rows.insert(0, KnownTotals(min(made_at, self._rows[0].at), NOTHING))
        self._instants = [row.at for row in self._rows]

    @property
    def began(self) -> datetime:
        """From when on anything is known."""
        return self._instants[0]

    def at(self, moment: datetime) -> tuple[float, ...] | None:
        """The sums then; None before anything is known. Before it was made a workspace had done nothing."""
        index = bisect_right(self._instants, moment)
        if index == 0:
            return NOTHING if self._is_new else None
        before = self._rows[index - 1]
        if index == len(self._rows):
            return before.amounts
        after = self._rows[index]
        # Without a row of its own an hour had brought nothing, so all that came came in the last hour before the next.
        begin = max(before.at, after.at - HOUR)
        part = max(0.0, (moment - begin) / (after.at - begin)) if after.at > begin else 1.0
        return tuple(low + part * (high - low) for low, high in zip(before.amounts, after.amounts, strict=True))

    def curve(self, begin: datetime, end: datetime, until: datetime) -> list[tuple[float, ...]] | None:
        """What had come since `begin` at each full hour of a day, up to `until`; None when that is not known."""
        base = self.at(begin)
        if base is None:
            return None
        hours = round((end - begin) / HOUR)
        moments = [begin + HOUR * hour for hour in range(hours + 1)]
        moments = [moment for moment in moments if moment < until] + [until]
        values = [self.at(moment) or base for moment in moments]
        return [
            tuple(max(0.0, value - start) for value, start in zip(amounts, base, strict=True)) for amounts in values
        ]


def day_so_far(
    now: datetime, zone: tzinfo, made_at: datetime, known: Sequence[KnownTotals], amounts: Amounts
) -> Today | None:
    """Today and the usual. `known`: of `spans_of`; `amounts`: the sums now. None while nothing was ever written down."""
    if not known and now - made_at > NEW:
        return None
    ledger = _Ledger(made_at, known, KnownTotals(now, amounts))
    (midnight, end), *before = spans_of(now, zone)
    since = midnight if ledger.at(midnight) is not None else min(now, ledger.began)
    curve = ledger.curve(since, end, now) or []
    weeks = [
        (whole, ledger.curve(begin, ending, begin + (now - midnight)))
        for begin, ending in before
        if begin >= ledger.began and (whole := ledger.curve(begin, ending, ending)) is not None
    ]
    until_now = [part[-1] for _, part in weeks if part]
    return Today(
        since=since,
        whole=since == midnight,
        weeks=len(weeks),
        weekday=midnight - timedelta(weeks=1),
        measures={
            name: Measure(
                today=round(curve[-1][index]) if curve else 0,
                usual=_mean([part[index] for part in until_now]) if weeks and since == midnight else None,
                curve=[values[index] for values in curve],
                usual_curve=_means([[values[index] for values in whole] for whole, _ in weeks]),
            )
            for index, name in enumerate(MEASURES)
        },
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _means(curves: Sequence[Sequence[float]]) -> list[float]:
    """The average curve; a day of 23 hours ends it an hour earlier."""
    return [sum(values) / len(values) for values in zip(*curves, strict=False)]
