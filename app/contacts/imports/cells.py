"""What is in a cell: a number, a date, yes or no, as the file's country writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from app.contacts.imports import optout_words
from app.lib.translation import gettext
from app.values.contact_fields import BadField

Kind = Literal["text", "number", "boolean", "date"]
KINDS: tuple[Kind, ...] = ("text", "number", "boolean", "date")
DateOrder = Literal["dmy", "mdy"]
DecimalMark = Literal[".", ","]
MAX_TEXT = 10_000
_NOTHING = frozenset(
    {"n/a", "#n/a", "#na", "#null!", "#ref!", "#value!", "#name?", "#div/0!", "(null)", "(none)", "(blank)"}
)
_NOTHING_WORDS = frozenset({"NULL", "null", "None", "none", "NONE", "nil", "NIL", "NaN", "nan", "undefined", "\\N"})
"""Not `Null` and `Nan`, which are names of people."""
_DASHES = frozenset("-–—")
_MONEY = re.compile(r"(?:^[€$£¥₹₽]|^[A-Z]{3}(?= ?[0-9-])|[€$£¥₹₽%]$|(?<=[0-9]) ?[A-Z]{3}$)")
_PLAIN = re.compile(r"[+-]?[0-9]{1,15}")
_CODE = re.compile(r"-?0[0-9]")
_DAY = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})\.?")
_TIME = re.compile(
    r"[T ,]{1,2}([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}(?:[.,][0-9]{1,9})?))? ?(am|pm|a\.m\.|p\.m\.)? ?(z|utc|gmt|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_GROUPS = {
    ".": re.compile(
        r"[+-]?(?:[0-9]{1,3}(?:[, '’][0-9]{3}){1,5}|[0-9]{1,15})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,3})?"
    ),
    ",": re.compile(r"[+-]?(?:[0-9]{1,3}(?:[. '’][0-9]{3}){1,5}|[0-9]{1,15})(?:,[0-9]{1,15})?"),
}
_SURE = {
    ".": re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,}))"),
    ",": re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]+,(?:[0-9]{1,2}|[0-9]{4,}))"),
}


class Notation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the file's country writes things. `country` (ISO 3166) is for phone numbers in national notation."""

    decimal_mark: DecimalMark = "."
    date_order: DateOrder | None = None
    country: str | None = None


def is_empty(cell: str) -> bool:
    """Is this how programs and people write nothing: `n/a`, `-`, `NULL`, `#N/A`?"""
    if not cell:
        return True
    if len(cell) > 12:
        return False
    return (
        cell.lower() in _NOTHING
        or cell in _NOTHING_WORDS
        or (cell[0] in _DASHES and all(char in _DASHES for char in cell))
    )


def number_of_cell(cell: str, notation: Notation = Notation()) -> int | float:
    """`1.234,56` with a decimal comma, `1,234.56` with a point; a sign of money or per cent is left off. Raises BadField."""
    mark = notation.decimal_mark
    plain = _MONEY.sub("", cell).replace("\u00a0", " ").replace("\u202f", " ").strip() if len(cell) < 60 else ""
    if _PLAIN.fullmatch(plain):
        return int(plain)
    value = math.inf
    if _GROUPS[mark].fullmatch(plain):
        value = float(re.sub(r"[ '’]", "", plain).replace("," if mark == "." else ".", "").replace(",", "."))
    if not math.isfinite(value):
        raise BadField(
            gettext("This is not a number. Write it like %(value)s.", value="1234.5" if mark == "." else "1234,5")
        )
    return int(value) if value.is_integer() and "e" not in plain.lower() and abs(value) < 1e15 else value


def boolean(cell: str) -> bool:
    """Yes or no in the words of many languages. Raises BadField."""
    word = cell.casefold()
    if word in optout_words.YES or word in optout_words.NO:
        return word in optout_words.YES
    raise BadField(gettext("Write yes or no, true or false, 1 or 0."))


def day(cell: str, order: DateOrder | None) -> str:
    """A date, with its time if there is one, as ISO 8601 text. Raises BadField; also when the order of 3/4/2025 is not known."""
    match = _DAY.match(cell) if len(cell) < 60 else None
    try:
        if match is None:
            raise ValueError
        date = _date(match, order)
        time_text = cell[match.end() :].strip()
        if not time_text:
            return date.isoformat()
        time = _TIME.fullmatch(cell[match.end() :])
        if time is None:
            raise ValueError
        return datetime.fromisoformat(f"{date.isoformat()}T{_clock(time)}").isoformat()
    except ValueError as error:
        if isinstance(error, BadField):
            raise
        raise BadField(gettext("This is not a date. Write it like 2025-12-31.")) from error


def _date(match: re.Match[str], order: DateOrder | None) -> date:
    first, mark, second, third = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        return date(int(first), second, int(third))
    if len(first) > 2 or len(third) not in (2, 4):
        raise ValueError
    year = int(third) if len(third) == 4 else int(third) + (2000 if int(third) < 69 else 1900)
    if mark == "." or (order == "dmy"):
        return date(year, second, int(first))
    if order == "mdy":
        return date(year, int(first), second)
    if int(first) > 12:
        return date(year, second, int(first))
    if second > 12:
        return date(year, int(first), second)
    raise BadField(gettext("Day and month could be either way round here. Say in which order the file writes them."))


def _clock(time: re.Match[str]) -> str:
    hour, half = int(time[1]), (time[4] or "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "pm" else 0)
    zone = (time[5] or "").lower()
    if zone in ("z", "utc", "gmt"):
        zone = "+00:00"
    elif zone and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{hour:02}:{time[2]}:{(time[3] or '00').replace(',', '.')}{zone}"


def text(cell: str) -> str:
    """A text as it is, at most 10,000 characters. Raises BadField."""
    if len(cell) > MAX_TEXT:
        raise BadField(gettext("Send at most %(max_text)s characters.", max_text=f"{MAX_TEXT:,}"))
    return cell


def reader(kind: Kind, notation: Notation) -> Callable[[str], Any]:
    """What reads the cells of an attribute of this kind."""
    if kind == "number":
        return lambda cell: number_of_cell(cell, notation)
    if kind == "date":
        return lambda cell: day(cell, notation.date_order)
    return boolean if kind == "boolean" else text


def guess_mark(cells: Iterable[str]) -> DecimalMark:
    """The decimal mark that the numbers of a file speak for; a point when they say nothing."""
    votes = dict.fromkeys(_SURE, 0)
    for cell in cells:
        plain = _MONEY.sub("", cell).strip() if len(cell) < 40 else ""
        for mark in votes:
            votes[mark] += _SURE[mark].fullmatch(plain) is not None
    return "," if votes[","] > votes["."] else "."


def guess_order(cells: Iterable[str]) -> DateOrder | None:
    """Day first or month first, told by a number above 12; None when no date tells, or dates tell both."""
    orders: set[DateOrder] = set()
    for cell in cells:
        match = _DAY.match(cell) if len(cell) < 60 else None
        if match is None or match[2] == "." or len(match[1]) == 4:
            continue
        if int(match[1]) > 12:
            orders.add("dmy")
        elif int(match[3]) > 12:
            orders.add("mdy")
    return orders.pop() if len(orders) == 1 else None


def needs_order(cells: Iterable[str]) -> bool:
    """Is there a date whose day and month could be either way round?"""
    for cell in cells:
        match = _DAY.match(cell) if len(cell) < 60 else None
        if match is not None and match[2] != "." and len(match[1]) <= 2 and int(match[1]) <= 12 and int(match[3]) <= 12:
            return True
    return False


def guess_kind(cells: list[str], mark: DecimalMark) -> Kind:
    """What all cells of a column are. A column of codes with leading zeros is text."""
    filled = [cell for cell in cells if not is_empty(cell)]
    if not filled:
        return "text"
    if not any(_CODE.match(cell) for cell in filled) and _all(
        lambda cell: number_of_cell(cell, Notation(decimal_mark=mark)), filled
    ):
        return "number" if all(_MONEY.sub("", cell) == cell and "e" not in cell.lower() for cell in filled) else "text"
    if all(cell.lower() in ("true", "false", "yes", "no", "ja", "nein", "oui", "non") for cell in filled):
        return "boolean"
    if _all(lambda cell: day(cell, None), [cell for cell in filled if not needs_order([cell])]) and all(
        map(_DAY.match, filled)
    ):
        return "date"
    return "text"


def _all(read: Callable[[str], Any], cells: Iterable[str]) -> bool:
    try:
        for cell in cells:
            read(cell)
    except BadField:
        return False
    return True
