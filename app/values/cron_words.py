"""What schedules in the five fields of cron say, in the reader's language, for the shapes that people use most."""

from __future__ import annotations

import re

from app.lib.translation import gettext, ngettext, translatable
from app.values.cron import DAYS, BadCron, cron_of

_DAY_WORDS = (
    translatable("Sunday"),
    translatable("Monday"),
    translatable("Tuesday"),
    translatable("Wednesday"),
    translatable("Thursday"),
    translatable("Friday"),
    translatable("Saturday"),
    translatable("Sunday"),
)


def cron_words(text: object) -> str:
    """What a schedule says, as a title: `At 09:00 every day`; other shapes as they are written, and empty for what is none."""
    try:
        fields = cron_of(text).text if isinstance(text, str) else ""
    except BadCron:
        return ""
    if not fields:
        return ""
    minute, hour, *days = fields.split()
    time, on = _time_in_words(minute, hour), _days_in_words(*days)
    if not time or not on:
        return gettext("By the schedule %(fields)s", fields=fields)
    words = gettext("%(time)s %(days)s", time=time, days=on)
    return words[:1].upper() + words[1:]


def _time_in_words(minute: str, hour: str) -> str:
    """`at 09:00`, `every 15 minutes`; empty for other shapes."""
    if minute.isdecimal() and re.fullmatch(r"[0-9]{1,2}(,[0-9]{1,2})*", hour):
        return gettext(
            "at %(times)s", times=_enumerated([f"{int(one):02}:{int(minute):02}" for one in hour.split(",")])
        )
    if hour != "*":
        return ""
    if minute.isdecimal():
        return gettext("every hour at minute %(minute)s", minute=int(minute)) if int(minute) else gettext("every hour")
    step = re.fullmatch(r"\*(?:/([0-9]+))?", minute)
    return ngettext("every minute", "every %(number)s minutes", int(step[1] or 1)) if step else ""


def _days_in_words(day: str, month: str, weekday: str) -> str:
    """`every day`, `on Monday to Friday`; empty for other shapes."""
    if month != "*":
        return ""
    if weekday == "*":
        if day == "*":
            return gettext("every day")
        if day == "l":
            return gettext("on the last day of each month")
        return gettext("on day %(day)s of each month", day=int(day)) if day.isdecimal() else ""
    if day != "*" or "#" in weekday or "/" in weekday:
        return ""
    spans = [[_day_word(one) for one in part.split("-")] for part in weekday.split(",")]
    if len(spans) == 1 and len(spans[0]) == 2:
        return gettext("on %(first)s to %(last)s", first=spans[0][0], last=spans[0][1])
    days = [
        span[0] if len(span) == 1 else gettext("%(first)s to %(last)s", first=span[0], last=span[1]) for span in spans
    ]
    return gettext("on %(days)s", days=_enumerated(days))


def _day_word(name: str) -> str:
    return gettext(_DAY_WORDS[int(name) if name.isdecimal() else DAYS.index(name)])


def _enumerated(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return gettext("%(words)s and %(last)s", words=", ".join(most), last=last) if most else last
