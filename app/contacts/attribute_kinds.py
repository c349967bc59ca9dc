"""Kinds of attributes, as pages show and edit them: which kind a value is of, how it stands in its input, and what was written there.

A list is of texts of one line, written one on each line; a date has no time. What is none of the kinds is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from app.contacts.imports.cells import number_of_cell
from app.lib.translation import gettext, translatable
from app.values.contact_diff import same_value

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class AttributeKind(NamedTuple):
    """`icon`: of Lucide."""

    label: str
    icon: str


ATTRIBUTE_KINDS = {
    "text": AttributeKind(translatable("Text"), "text"),
    "number": AttributeKind(translatable("Number"), "hash"),
    "boolean": AttributeKind(translatable("Yes or no"), "toggle-left"),
    "date": AttributeKind(translatable("Date"), "calendar-days"),
    "list": AttributeKind(translatable("List"), "list"),
    "json": AttributeKind(translatable("Several fields"), "braces"),
}


class AttributeLine(NamedTuple):
    """An attribute as the page of a contact shows it. `changed_at`: None when nobody noted it, as for what a workflow changed."""

    name: str
    label: str
    """What people call it; the name where they have no other word."""
    value: Any
    kind: AttributeKind
    changed_at: datetime | None


def attribute_lines(
    attributes: Mapping[str, Any], labels: Mapping[str, str], changes: Mapping[str, tuple[Any, datetime]]
) -> list[AttributeLine]:
    """All attributes, by what they are called. `changes`: by name, what each was last set to and when."""
    lines = []
    for name, value in attributes.items():
        last = changes.get(name)
        at = last[1] if last is not None and same_value(last[0], value) else None
        lines.append(AttributeLine(name, labels.get(name, name), value, ATTRIBUTE_KINDS[attribute_kind(value)], at))
    return sorted(lines, key=lambda line: line.label.lower())


def attribute_kind(value: Any) -> str:
    """The kind of a stored value, a key of ATTRIBUTE_KINDS."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if _DATE.fullmatch(value) and _date(value) is not None else "text"
    return "list" if isinstance(value, list) and value and all(map(_is_item, value)) else "json"


def _is_item(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value == " ".join(value.split())


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def written_value(value: Any) -> str:
    """A stored value as it stands in the input of its kind."""
    match attribute_kind(value):
        case "boolean":
            return "yes" if value else "no"
        case "text" | "date":
            return str(value)
        case "list":
            return "\n".join(value)
        case _:
            return msgspec.json.encode(value).decode()


def read_value(kind: str, written: str) -> Any:
    """The value that was written into an input; None for nothing. Raises ValueError with what would be right, for people."""
    text = written.strip()
    if not text:
        return None
    match kind:
        case "number":
            return number_of_cell(text)
        case "boolean":
            if text.lower() not in ("yes", "no", "true", "false"):
                raise ValueError(gettext("Choose yes or no."))
            return text.lower() in ("yes", "true")
        case "date":
            if not _DATE.fullmatch(text) or _date(text) is None:
                raise ValueError(gettext("Write a date of the calendar, like 2026-09-04."))
            return text
        case "list":
            return [item for line in text.splitlines() if (item := " ".join(line.split()))]
        case "json":
            try:
                return msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError) as error:
                raise ValueError(gettext("This is not JSON: %(error)s", error=error)) from error
    return text
