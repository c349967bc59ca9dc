"""A value that a step read or put out, an event or a call brought, as rows that people read instead of JSON.

Fields have the names that the product has for them, moments stand on the reader's clock, steps are called by their titles, and what is
long is cut: the page shows all of it as JSON beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from app.flow import form_labels
from app.flow.field_names import BELOW, CONTACT_LABELS, step_title
from app.flow.paths import REPORTED
from app.flow.references import CalledRows
from app.lib.conversions import as_date, is_blank, printed_json
from app.lib.formats import readable
from app.lib.translation import gettext, translatable
from app.values.contact_view import FIELD_COLUMNS

MOST_ROWS, MOST_ITEMS, DEEPEST, LONGEST = 40, 12, 5, 300
"""Fields of one object, items of one list, objects within each other, and characters of one text that are shown."""
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}\S*(?:Z|[+-]\d{2}:?\d{2})", re.ASCII)
"""Texts that programs write for a moment. A day without a time stays as it is: it is the same day for everybody."""
_CALLED = {
    "event": translatable("Event"),
    "contact": translatable("Contact"),
    "config": translatable("Settings"),
    "previous": translatable("Before"),
    "vars": translatable("Variables"),
    "nodeId": translatable("Step"),
    "output": translatable("Output"),
    "status": translatable("Status"),
    "opened": translatable("Opened"),
    "clicked": translatable("Clicked"),
    "occurredAt": translatable("Occurred at"),
    "port": translatable("Branch"),
    "body": translatable("Body"),
    "headers": translatable("Headers"),
    "request": translatable("Request"),
    "response": translatable("Response"),
    "error": translatable("Error"),
}
"""What the product itself writes, by its name in JSON."""
_DATA = frozenset(("event", "vars", "body", "headers", "attributes"))
"""Below these stand the names of others."""

Kind = Literal["text", "number", "boolean", "moment", "items", "rows", "empty"]


class ValueRow(NamedTuple):
    """A value with its label. `name`: as JSON has it, where that is another; `more`: how many rows or items are left out of it;
    `id`: of a row of the workspace that is gone, where the text says so."""

    label: str
    name: str
    kind: Kind
    text: str = ""
    at: datetime | None = None
    parts: tuple[str, ...] = ()
    rows: tuple[ValueRow, ...] = ()
    more: int = 0
    id: str = ""


class _Names(NamedTuple):
    """How names are shown at one place. `worded`: the product wrote them, and has words for them; those of data stay as they are."""

    worded: bool
    settings: Mapping[str, str]
    """Labels of a step's settings, which stand below `config`."""
    called: CalledRows
    """What rows of the workspace are called whose ids stand anywhere in the value."""

    def label(self, key: str) -> str:
        if not self.worded:
            return key
        name = REPORTED.get(key, key)
        column = FIELD_COLUMNS.get(name, name)
        known = _CALLED.get(name) or (CONTACT_LABELS.get(column) if column != "id" else None)
        return gettext(known) if known else key

    def below(self, key: str) -> _Names:
        if self.worded and key == "config":
            return self._replace(worded=False)
        return self._replace(worded=self.worded and key not in _DATA, settings={})


def value_rows(
    value: Any, node_type: str = "", *, data: bool = False, called: CalledRows = MappingProxyType({})
) -> ValueRow:
    """A value as rows. `node_type`: whose settings stand below `config` in it; `data`: its names are those of an event or a call;
    `called`: what the rows are called that it names by their ids."""
    settings = form_labels.labels_of(node_type) if node_type else {}
    return _row("", "", value, 0, _Names(not data, settings, called))


def _row(label: str, name: str, value: Any, depth: int, names: _Names) -> ValueRow:
    if isinstance(value, Mapping) and value and depth < DEEPEST:
        pairs = list(_pairs(value, names))
        rows = tuple(_row(each, key, part, depth + 1, inner) for each, key, part, inner in pairs[:MOST_ROWS])
        return ValueRow(label, name, "rows", rows=rows, more=len(pairs) - len(rows))
    if isinstance(value, list | tuple) and value and depth < DEEPEST:
        return _list(label, name, value, depth, names)
    return _scalar(label, name, value, names.called)


def _pairs(value: Mapping[str, Any], names: _Names) -> Iterator[tuple[str, str, Any, _Names]]:
    """Label, name, value, and how names are shown below. What holds one object alone is one row with it: `Before › Event`."""
    for key, part in value.items():
        label, name, below = _first(key, names), key, names.below(key)
        while isinstance(part, Mapping) and len(part) == 1:
            inner, only = next(iter(part.items()))
            if not isinstance(only, Mapping) or not only:
                break
            label, name, part = f"{label}{BELOW}{below.label(inner)}", f"{name}.{inner}", only
            below = below.below(inner)
        of_step = names.worded and key == "nodeId" and isinstance(part, str)
        yield label, "" if label == name else name, step_title(part) if of_step else part, below


def _first(key: str, names: _Names) -> str:
    """The label of a field; settings have those of their form."""
    return form_labels.label_of(key, dict(names.settings)) if names.settings and not names.worded else names.label(key)


def _list(label: str, name: str, value: Sequence[Any], depth: int, names: _Names) -> ValueRow:
    shown, more = value[:MOST_ITEMS], max(len(value) - MOST_ITEMS, 0)
    if any(isinstance(one, Mapping | list | tuple) for one in shown):
        rows = tuple(_row(str(number), "", one, depth + 1, names) for number, one in enumerate(shown, 1))
        return ValueRow(label, name, "rows", rows=rows, more=more)
    return ValueRow(label, name, "items", parts=tuple(_item(one, names.called) for one in shown), more=more)


def _item(value: Any, called: CalledRows) -> str:
    row = called.get(value) if isinstance(value, str) else None
    return _cut(row.name if row else readable(value))


def _scalar(label: str, name: str, value: Any, called: CalledRows) -> ValueRow:
    if is_blank(value):
        return ValueRow(label, name, "empty")
    if isinstance(value, bool):
        return ValueRow(label, name, "boolean", readable(value))
    if isinstance(value, int | float):
        return ValueRow(label, name, "number", readable(value))
    if isinstance(value, str) and (row := called.get(value)):
        return ValueRow(label, name, "text", _cut(row.name), id=value if row.is_gone else "")
    if isinstance(value, str):
        moment = as_date(value) if len(value) < 40 and _MOMENT.fullmatch(value) else None
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return ValueRow(label, name, "moment", value, at=moment)
        return ValueRow(label, name, "text", _cut(value))
    return ValueRow(label, name, "text", _cut(printed_json(value)))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
