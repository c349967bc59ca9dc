"""Conversion of values to text, number, boolean, date and list: one table for conditions, mails, entry keys and pages.

Values are JSON, and dates from the database. Nothing is guessed: a value that cannot be converted is None, and the caller
reports it. The user guide shows the table (`docs/user-guide.md`, "How values are read").
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from app.lib.normal_forms import nfc
from app.lib.translation import gettext

MAX_BITS = 1024
"""Larger whole numbers are not printed: Python refuses to above 4,300 digits."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,2})?")
# float() also takes "nan", "1_000" and digits of other scripts, which people do not call numbers.
_UNIX = re.compile(r"-?[0-9]{9,16}(\.[0-9]{1,9})?")
# Nine digits and more: eight are a date without dashes, four a year.
# Python and PostgreSQL each understand more than this, but not the same; `rule_date` in the database has the same pattern.
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|([0-9]{2})([0-9]{2}))"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?"
    r" ?([Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?"
)
_YEARLESS = re.compile(r"(?:--([0-9]{2})-?|([0-9]{2})-)([0-9]{2})")
LEAP_YEAR = 1904
"""A day that has no year is counted from that one: it has all days, and lies before whatever comes."""
MILLISECONDS_FROM = 1e11
"""A number of this size is milliseconds: as seconds it would lie in the year 5138."""
TRUE_WORDS = frozenset(("true", "yes", "on", "1"))
FALSE_WORDS = frozenset(("false", "no", "off", "0"))


def printed_number(value: float | Decimal) -> str:
    """Digits as people write them: `3`, `0.3`, `-0.000001`; never `1e+16` or `0.30000000000000004`."""
    if isinstance(value, int):
        return str(int(value)) if value.bit_length() <= MAX_BITS else ""
    if not math.isfinite(value):
        return ""
    if value == (whole := int(value)):
        return printed_number(whole)
    # A float keeps 15 digits of any decimal number; further ones are rounding noise.
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text else text


def printed(value: Any) -> str:
    """A value as it stands in text: `true`, `3`, `a, b` for a list of scalars, JSON for objects, nothing for None."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return printed_number(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple) and not any(isinstance(item, list | tuple | dict) for item in value):
        return ", ".join(map(printed, value))
    if isinstance(value, list | tuple | dict):
        return printed_json(value)
    return f"{value.start}..{value.stop - 1}" if isinstance(value, range) else ""


def printed_json(value: Any) -> str:
    """As JSON on one line, numbers as `printed_number` writes them; dates and what JSON does not know as text."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else printed(value)
    if isinstance(value, int | float | Decimal):
        return printed_number(value) or "null"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(printed_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json_text(key)}: {printed_json(item)}' for key, item in value.items())}}}"
    return _json_text(value)


def quoted(value: Any, limit: int = 120) -> str:
    """A value inside a sentence: text in quotes, anything else as JSON, at most `limit` characters of it."""
    text = value if isinstance(value, str) else printed_json(value)
    text = f"{text[:limit]}…" if len(text) > limit else text
    return gettext("“%(text)s”", text=text) if isinstance(value, str) else text


def _json_text(value: Any) -> str:
    return json.dumps(printed(value), ensure_ascii=False)


def plain_json(value: Any) -> Any:
    """`value` as JSON can hold it: numbers that are not finite or too large become null, dates text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_BITS else None
    if isinstance(value, float):
        return None if not math.isfinite(value) else int(value) if value.is_integer() else value
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, dict):
        return {printed(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return printed(value)


def folded(text: str) -> str:
    """Text as it is compared: trimmed, composed (NFC), case folded."""
    if text.isascii():
        return text.strip().lower()
    return nfc(nfc(text).strip().casefold())


def as_text(value: Any) -> str | None:
    """A scalar as text; None for None, lists and objects."""
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, list | tuple | dict) else printed(value)


def as_key(value: Any, limit: int = 200) -> str:
    """The text of an identifier, such as an order number: trimmed, composed, at most `limit` characters.

    Case is kept: identifiers that differ in case alone are different.
    """
    return nfc(printed(value).strip())[:limit]


def as_number(value: Any) -> float | Decimal | None:
    """A number, or text that is one; None for anything else, also for booleans and for numbers that are not finite.

    A decimal is what a float would round: the sum of a counter, a stored number of many digits.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text) if set(text) & set(".eE") else int(text)
        return value if isinstance(value, int) or math.isfinite(value) else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def as_exact(value: Any) -> int | Decimal | None:
    """`as_number` without rounding, to compare by: two ids of 18 digits differ, and 0.1 is what it is written as."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        return Decimal(text) if set(text) & set(".eE") else int(text)
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    return Decimal(repr(value)) if isinstance(value, float) and math.isfinite(value) else None


def as_boolean(value: Any) -> bool | None:
    """true, 1, "true", "yes", "on", "1" and their opposites; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = folded(value)
        return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None
    if isinstance(value, int | float | Decimal):
        return True if value == 1 else False if value == 0 else None
    return None


def as_date(value: Any) -> datetime | date | None:
    """A date, or an instant; naive where the value names no zone.

    ISO 8601 text as people and programs write it (`2026-11-25`, `20261125`, `2026-11-25T09:00:00.5+01:00`), a date, unix seconds or
    milliseconds as a number or as nine digits and more. None for anything else.
    """
    if isinstance(value, date):  # a datetime is one too
        return value
    if isinstance(value, str):
        text = value.strip()
        if _UNIX.fullmatch(text):
            return _unix(float(text))
        match = _DATE.fullmatch(text)
        return _date_of(*match.groups()) if match else None
    return _unix(float(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _date_of(*parts: str | None) -> datetime | date | None:
    """What the groups of _DATE mean; None when there is no such day."""
    year, month, day, compact_month, compact_day, hour, minute, second, fraction, zone, sign, hours, minutes = parts
    try:
        whole = date(int(year or 0), int(month or compact_month or 0), int(day or compact_day or 0))
    except ValueError:
        return None
    if hour is None:
        return whole
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    clock = time(
        int(hour),
        int(minute or 0),
        int(second or 0),
        int((fraction or "")[:6].ljust(6, "0")),
        tzinfo=None if zone is None else timezone(offset) if offset else UTC,
    )
    return datetime.combine(whole, clock)


def yearless_day(value: Any) -> date | None:
    """A day of each year as address books write it, `--05-17`, `--0517` or `05-17`; None for anything else, and for 31 February.

    `rule_yearless` of the database says the same."""
    match = _YEARLESS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    dashed, plain, day = match.groups()
    try:
        return date(LEAP_YEAR, int(dashed or plain), int(day))
    except ValueError:
        return None


def _unix(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def as_instant(value: Any, zone: tzinfo) -> datetime | None:
    """The instant that a value means; naive times and plain dates (their first moment) are in `zone`. None when it is no date."""
    moment = as_date(value)
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def as_list(value: Any) -> list[Any]:
    """A list as it is; a single value as a list of one; a blank value as an empty list."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if is_blank(value) else [value]


def is_blank(value: Any) -> bool:
    """Is it None, blank text, an empty list or an empty object?"""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | tuple | dict) and not value)


def same(left: Any, right: Any) -> bool:
    """Are two values equal by this table? Two texts are compared as text; otherwise each is converted to the other's kind."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right or folded(left) == folded(right)
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        truth = as_boolean(left)
        return truth is not None and truth is as_boolean(right)
    if isinstance(left, list | tuple | dict) or isinstance(right, list | tuple | dict):
        return _same_inside(left, right)
    left_number, right_number = as_exact(left), as_exact(right)
    if left_number is not None and right_number is not None:
        return left_number == right_number
    return folded(printed(left)) == folded(printed(right))


def _same_inside(left: Any, right: Any) -> bool:
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return False


def follow(value: Any, names: Iterable[str | int]) -> Any:
    """The value at the end of a path through objects and lists; None where the path does not exist.

    `size`, `first` and `last` mean what they mean in Liquid; a key of that name in an object takes precedence.
    """
    for name in names:
        if isinstance(value, dict):
            key = name if isinstance(name, str) else str(name)
            value = value.get(key) if key in value or name != "size" else len(value)
        elif isinstance(value, list):
            value = _item(value, name)
        elif isinstance(value, str) and name == "size":
            value = len(value)
        else:
            return None
    return value


def _item(items: list[Any], name: str | int) -> Any:
    if name == "size":
        return len(items)
    if isinstance(name, int):
        place = name
    elif name in ("first", "last"):
        place = 0 if name == "first" else -1
    elif name.isascii() and name.isdecimal() and len(name) < 10:
        place = int(name)
    else:
        return None
    return items[place] if -len(items) <= place < len(items) else None
