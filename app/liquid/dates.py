"""Dates by a pattern such as `%d. %B %Y`, with the names of months and days and the halves of the day in any language."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

from babel import Locale
from babel import dates as babel_dates

_DIRECTIVE = re.compile(r"%([-_^#0]*)([A-Za-z%])")
_DAY = re.compile(r"%[-_^#0]*[de]")
Width = Literal["wide", "abbreviated"]
WIDTHS: dict[str, Width] = {"A": "wide", "a": "abbreviated", "B": "wide", "b": "abbreviated", "h": "abbreviated"}
WHOLE = {"c": "%a %e %b %H:%M:%S %Y", "r": "%I:%M:%S %p"}
"""Patterns that hold names themselves."""


def strftime(moment: dt.date, pattern: str, locale: Locale) -> str:
    """`moment` by `pattern`. A month beside its day has the form that many languages give it there (`25 listopada`)."""
    form: Literal["format", "stand-alone"] = "format" if _DAY.search(pattern) else "stand-alone"

    def piece(match: re.Match[str]) -> str:
        flags, letter = match[1], match[2]
        if letter in WHOLE:
            return strftime(moment, WHOLE[letter], locale)
        name = _name(moment, letter, form, locale)
        if name is None:
            return moment.strftime(match[0])
        if "^" in flags:
            return name.upper()
        return name.swapcase() if "#" in flags else name

    return _DIRECTIVE.sub(piece, pattern)


def _name(moment: dt.date, letter: str, form: Literal["format", "stand-alone"], locale: Locale) -> str | None:
    if letter in "Bbh":
        return str(babel_dates.get_month_names(WIDTHS[letter], form, locale)[moment.month])
    if letter in "Aa":
        return str(babel_dates.get_day_names(WIDTHS[letter], "format", locale)[moment.weekday()])
    if letter in "pP":
        late = isinstance(moment, dt.datetime) and moment.hour >= 12
        names = babel_dates.get_period_names("wide", "format", locale)
        word = str(names.get("pm" if late else "am", "PM" if late else "AM"))
        return word.lower() if letter == "P" else word
    return None
