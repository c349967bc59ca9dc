"""What Home shows of numbers: the sentence that says how it stands, curves of the day, bars of the day ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import msgspec
from babel.dates import format_date

from app.insights.activity import HOUR, Measure, Today
from app.insights.schemas import Overview
from app.lib import translation
from app.lib.formats import number
from app.lib.translation import gettext, ngettext, translatable
from app.messaging.channels import words

DAY_HOURS = 24
WIDTH, HEIGHT, MARGIN = 160, 36, 3
BARS_WIDTH, BARS_HEIGHT, BAR_GAP = 312, 48, 3
COUNT_TEXTS = (
    translatable("Nothing needs you"), translatable("One thing needs you"), translatable("Two things need you"),
    translatable("Three things need you"), translatable("Four things need you"), translatable("Five things need you"),
    translatable("Six things need you"),
)  # fmt: skip
LABELS = (
    ("entered", translatable("Entered"), "accent"),
    ("sent", "", "accent"),
    ("completed", translatable("Completed"), "accent"),
    ("goal_reached", translatable("Goals reached"), "accent"),
    ("failed", translatable("Failed"), "err"),
)
"""The measures of the day in the order of the page, with what each is called and the colour of its curve."""
ODD_PERCENT = 999
"""From here on a percentage says less than both numbers."""


def situation(overview: Overview) -> tuple[str, str]:
    """The sentence of the home page, and the line below it."""
    troubles = len(overview.troubles)
    if not overview.active_workflows and not troubles:
        if overview.paused_workflows:
            line = ngettext(
                "%(number)s workflow can be resumed.", "%(number)s workflows can be resumed.", overview.paused_workflows
            )
            return gettext("Everything is paused"), line
        return (
            gettext("Nothing is running yet"),
            gettext("Draw a workflow and activate it; then this page says how it goes."),
        )
    running = gettext(
        "%(workflows)s and %(people)s.",
        workflows=ngettext(
            "%(number)s workflow is running",
            "%(number)s workflows are running",
            overview.active_workflows,
            number=number(overview.active_workflows),
        ),
        people=ngettext(
            "%(number)s person is active",
            "%(number)s people are active",
            overview.in_flow,
            number=number(overview.in_flow),
        ),
    )
    if not troubles:
        well = gettext(
            "No run and no %(message)s failed in the last 24 hours, and nothing is late.", message=words.noun()
        )
        return gettext("All is well"), f"{running} {well}"
    if troubles < len(COUNT_TEXTS):
        return gettext(COUNT_TEXTS[troubles]), running
    return gettext("%(number)s things need you", number=number(troubles)), running


class MeasureView(msgspec.Struct, frozen=True):
    """One number of the day; the curves are paths of an SVG."""

    label: str
    value: int
    note: str
    tone: str
    """`ok`, `er` or nothing."""
    colour: str
    curve: str
    area: str
    usual: str


def measures(today: Today, sent_ever: int, now: datetime) -> list[MeasureView]:
    """The numbers of the day. Messages are left out in a workspace that never sent one."""
    return [_view(name, label, colour, today, now) for name, label, colour in LABELS if name != "sent" or sent_ever]


def _view(name: str, label: str, colour: str, today: Today, now: datetime) -> MeasureView:
    measure = today.measures[name]
    top = max([*measure.curve, *measure.usual_curve, 1.0])
    hours = [float(hour) for hour in range(len(measure.curve))]
    if hours:
        hours[-1] = min(DAY_HOURS, (now - today.since) / HOUR)
    points = _points(hours, measure.curve, top)
    note, tone = _note(measure, is_bad=name == "failed")
    return MeasureView(
        label=gettext(label) if label else gettext("%(messages)s sent", messages=_capital(words.plural())),
        value=measure.today,
        note=note,
        tone=tone,
        colour=colour if name != "failed" or measure.today else "accent",
        curve=_path(points),
        area=_path([*points, (points[-1][0], HEIGHT), (points[0][0], HEIGHT)]) + "Z" if points else "",
        usual=_path(_points(range(len(measure.usual_curve)), measure.usual_curve, top)),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _note(measure: Measure, *, is_bad: bool) -> tuple[str, str]:
    """How it is against the usual, and the tone of it."""
    if measure.usual is None:
        return "", ""
    change = measure.change
    if change is None:
        return (gettext("usually none"), "er" if is_bad else "") if measure.today else (gettext("as usual"), "")
    if abs(change) < 1:
        return gettext("as usual"), ""
    if abs(change) > ODD_PERCENT:
        return gettext("usually %(number)s", number=number(measure.usual)), "er" if is_bad else "ok"
    sign = "+" if change > 0 else "−"
    tone = ("er" if is_bad else "ok") if change > 0 else ""
    return gettext("%(change)s%% against the usual", change=f"{sign}{number(abs(change))}"), tone


def _points(hours: Sequence[float], values: Sequence[float], top: float) -> list[tuple[float, float]]:
    """Where hours of a day and values up to `top` stand in the picture."""
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    return [
        (MARGIN + across * min(hour, DAY_HOURS) / DAY_HOURS, HEIGHT - MARGIN - up * value / top)
        for hour, value in zip(hours, values, strict=True)
    ]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) if points else ""


def bars(counts: Sequence[int]) -> list[tuple[str, str, str, str]]:
    """A bar for each count as (x, y, width, height); none is a line at the foot."""
    step, top = BARS_WIDTH / len(counts), max([*counts, 1])
    heights = [max(2.0, BARS_HEIGHT * count / top) for count in counts]
    return [
        (f"{step * index:.1f}", f"{BARS_HEIGHT - height:.1f}", f"{step - BAR_GAP:.1f}", f"{height:.1f}")
        for index, height in enumerate(heights)
    ]


def weekday(moment: datetime, zone: tzinfo) -> str:
    """The name of a moment's weekday: `Tuesday`."""
    return format_date(moment.astimezone(zone).date(), "EEEE", locale=translation.locale())
