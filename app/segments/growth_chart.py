"""The line of a segment's size over days, as the points of a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 320, 72, 4


class Chart(NamedTuple):
    """`line`: points of a polyline in a box of WIDTH by HEIGHT; `area`: the same closed at the bottom; `least`, `most`: its scale."""

    line: str
    area: str
    least: int
    most: int


def chart(values: Sequence[int]) -> Chart:
    """The line of these values, the oldest at the left. It begins at 0 unless it would be flat at the top then."""
    most = max(values, default=0)
    least = min(values, default=0)
    floor = 0 if least < most * 0.8 else least
    span = max(most - floor, 1)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    points = [
        f"{MARGIN + step * place:.1f},{HEIGHT - MARGIN - (value - floor) / span * (HEIGHT - 2 * MARGIN):.1f}"
        for place, value in enumerate(values)
    ]
    line = " ".join(points)
    area = f"{MARGIN},{HEIGHT - MARGIN} {line} {WIDTH - MARGIN},{HEIGHT - MARGIN}"
    return Chart(line, area, floor, most)
