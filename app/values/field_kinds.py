"""What kind of value a field holds, judged by the values that were met: so that forms offer the comparisons that fit it.

How a single value reads as text, number, boolean, date or list says `app.lib.conversions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.lib.conversions import FALSE_WORDS, TRUE_WORDS, as_date, as_number, folded, is_blank, yearless_day

CONTACT_KINDS = {
    "id": "text",
    "email": "text",
    "phone": "text",
    "external_id": "text",
    "source": "text",
    "timezone": "text",
    "locale": "text",
    "created_at": "date",
    "tags": "list",
}
"""Of the fields that every contact has."""
UNIX_FROM = 100_000_000
"""Numbers of this size may be unix times (1973 and later) as well as amounts."""


def kind_of(values: Iterable[Any]) -> str:
    """`text`, `number`, `boolean`, `date` or `list` when all values agree; empty when they do not, or could be several.

    Digits in text may be a postcode, a large number may be a time, and "yes" a word: then nothing is left out of the offer.
    """
    kinds = {_kind(value) for value in values if not is_blank(value)}
    return kinds.pop() if len(kinds) == 1 else ""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, list):
        return "list"
    if isinstance(value, int | float):
        return "number" if abs(value) < UNIX_FROM else ""
    if not isinstance(value, str) or as_number(value) is not None or folded(value) in TRUE_WORDS | FALSE_WORDS:
        return ""
    if yearless_day(value) is not None:  # with dashes before it nothing else is meant
        return "date" if value.strip().startswith("--") else ""
    return "date" if as_date(value) is not None else "text"
