"""What the abandoned-cart flow must do, computed without the product: plain Python over the shop's events.

The flow: enter on `add_to_cart` (one active run a contact), wait 24 h, leave by the goal `purchase`, mail those whose
cart was filled on a desktop, end. Time moves in whole ticks: at each tick what is due wakes first, then the tick's
events happen in time order.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SHOP = Path(__file__).parents[1] / "data" / "ecom.csv.gz"
DAY = 86_400


@dataclass(frozen=True)
class Journey:
    """One run: the tick it began and ended at (Unix seconds), how it ended, and whether a mail left."""

    started: int
    ended: int | None
    status: str
    mailed: bool


def shop_events() -> list[dict[str, str]]:
    """All rows in time order; rows of one second keep the order of the file."""
    with gzip.open(SHOP, "rt") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["timestamp"])


def seconds(row: dict[str, str]) -> int:
    """The row's instant in Unix seconds (the file is in UTC)."""
    return int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp())


def expected(rows: list[dict[str, str]], tick: int, until: int) -> dict[str, list[Journey]]:
    """Per user the journeys in order, with everything due up to `until` done."""
    journeys: dict[str, list[Journey]] = defaultdict(list)
    waiting: dict[str, tuple[int, str]] = {}

    def wake(user: str, now: int) -> None:
        if user in waiting and waiting[user][0] + DAY <= now:
            started, platform = waiting.pop(user)
            journeys[user].append(Journey(started, started + DAY, "completed", platform == "desktop"))

    for row in rows:
        user, now = row["user_id"], seconds(row) // tick * tick
        wake(user, now)
        if row["event"] == "add_to_cart" and user not in waiting:
            waiting[user] = (now, row["platform"])
        elif row["event"] == "purchase" and user in waiting:
            journeys[user].append(Journey(waiting.pop(user)[0], now, "goal_reached", mailed=False))
    for user in list(waiting):
        wake(user, until)
    for user, (started, _) in waiting.items():
        journeys[user].append(Journey(started, None, "waiting", mailed=False))
    return dict(journeys)
