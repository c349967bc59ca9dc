"""A compiled mapping: turns a row of a file into a change of a contact, and names every cell that did not fit.

A row is refused only when it identifies no contact. Any other cell that does not fit is left out and reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.contacts.fields import ContactPatch
from app.contacts.imports import cells, optouts
from app.contacts.imports.cells import Notation
from app.contacts.imports.columns import FIELDS, Target
from app.contacts.imports.reading import Record
from app.lib.translation import gettext
from app.values import contact_fields
from app.values.contact_fields import BadField

_FORMULA = re.compile(r"'(?=[=+\-@\t\r])")
_WEIGHT = {"": 0, "bounced": 1, "unsubscribed": 2, "complained": 3}
"""Of several reasons in one row the weightiest goes on the suppression list, as it does there."""
MAX_SHOWN = 80


class RowProblem(msgspec.Struct, frozen=True):
    """A cell that did not fit: its column, what stands in it, and why. Without a column: the row as it is written."""

    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= MAX_SHOWN else f"{self.value[: MAX_SHOWN - 1]}…"
        shown_value = f" (“{' '.join(shown.split())}”)" if shown.strip() else ""
        return f"{self.column}{shown_value}: {self.reason}" if self.column else self.reason


class BadRow(msgspec.Struct, frozen=True):
    """A row that nobody can be found or made by, and why."""

    message: str


class RowChange(msgspec.Struct, frozen=True):
    """The change that a row asks for, the cells that were left out of it, and why its address is to be suppressed."""

    change: ContactPatch
    problems: tuple[RowProblem, ...] = ()
    suppress: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is imported, beside the mapping of its columns.

    `looks` are the columns that have to do with permission, without those that somebody said mean something else.
    """

    tags: Sequence[str] = ()
    notation: Notation = Notation()
    looks: Mapping[str, optouts.Column] = {}
    acknowledged: frozenset[str] = frozenset()
    all_opted_out: bool = False


class _Row:
    """One row while it is read."""

    def __init__(self, tags: Sequence[str]) -> None:
        self.groups: dict[str, dict[str, Any]] = {"texts": {}, "attributes": {}, "consent": {}}
        self.tags = list(tags)
        self.problems: list[RowProblem] = []
        self.suppress = ""

    def say(self, topic: str, answer: optouts.ConsentAnswer) -> None:
        """Of two columns about one topic, the one that says no counts."""
        if answer.allowed is None:
            return
        consent = self.groups["consent"]
        consent[topic] = answer.allowed and consent.get(topic, True)
        if topic == "email" and _WEIGHT[answer.why] > _WEIGHT[self.suppress]:
            self.suppress = answer.why


class Plan:
    """A mapping of `columns`, ready for the rows."""

    def __init__(self, columns: Sequence[str], mapping: Mapping[str, Target], rules: Rules | None = None) -> None:
        rules = rules or Rules()
        self.columns, self.rules, self.width = columns, rules, len(columns)
        places = {name: number for number, name in enumerate(columns)}
        self._consent = [
            (places[name], name, target.to.partition(".")[2], "opt_out" if target.type == "opt_out" else "opt_in")
            for name, target in mapping.items()
            if target.group == "consent"
        ]
        self._why = {name: optouts.why_of(name) for name in columns}
        self._values = [
            (places[name], name, *_compiled(target, rules.notation))
            for name, target in mapping.items()
            if target.group != "consent"
        ]
        self._values.sort(key=lambda column: column[0])
        consent = {name for _, name, _, _ in self._consent}
        self._guarded = [
            (number, name, rules.looks.get(name))
            for name, number in places.items()
            if name not in consent and name not in rules.acknowledged
        ]
        self._email = next((places[name] for name, target in mapping.items() if target.to == "email"), -1)
        self._last_consent = max((number for number, *_ in self._consent), default=-1)

    def change(self, record: Record) -> RowChange | BadRow:
        """The change that a row asks for, or why it is refused. An empty cell leaves the field as it is."""
        row = _Row(self.rules.tags)
        row_cells = self._given(record, row)
        if isinstance(row_cells, BadRow):
            return row_cells
        for number, column, group, name, read in self._values:
            cell = _cell(row_cells, number)
            if cells.is_empty(cell):
                continue
            try:
                value = read(_readable(cell))
            except BadField as error:
                row.problems.append(RowProblem(column, cell, str(error)))
                continue
            if group == "tags":
                row.tags += value
            elif value is not None:
                row.groups[group][name] = value
        self._permission(row_cells, row)
        texts = row.groups["texts"]
        if not texts.get("external_id") and not texts.get("email"):
            reasons = " ".join(map(str, row.problems))
            text = gettext("This row has neither an email nor an external id that can be used. %(reasons)s")
            return BadRow((text % {"reasons": reasons}).strip())
        change = ContactPatch(
            texts=texts,
            attributes=row.groups["attributes"],
            consent=row.groups["consent"],
            add_tags=tuple(dict.fromkeys(row.tags)),
        )
        return RowChange(change, tuple(row.problems), row.suppress)

    def _given(self, record: Record, row: _Row) -> Sequence[str] | BadRow:
        """The cells that can be trusted to stand in their columns."""
        row_cells = record.cells
        if not row_cells:
            return BadRow(record.flaw)
        if record.flaw:
            if len(row_cells) <= self._last_consent:
                return BadRow(gettext("%(flaw)s What this row says about consent cannot be read.", flaw=record.flaw))
            row.problems.append(RowProblem("", "", record.flaw))
        if len(row_cells) <= self.width or not any(cell.strip() for cell in row_cells[self.width :]):
            return row_cells
        message = gettext(
            "This row has %(row_cells)s cells, but there are %(width)s columns. Put quotes around a text that "
            "holds the delimiter.",
            row_cells=len(row_cells),
            width=self.width,
        )
        # An address where the addresses are shows that all cells up to it are in place.
        placed = self._email >= 0 and _is_address(_cell(row_cells, self._email))
        if not placed or self._last_consent > self._email or any(map(optouts.says_out, row_cells)):
            return BadRow(message)
        left_out = ", ".join(self.columns[self._email + 1 :])
        text = gettext("%(message)s Left out: %(left_out)s.", message=message, left_out=left_out)
        row.problems.append(RowProblem("", "", text))
        return row_cells[: self._email + 1]

    def _permission(self, row_cells: Sequence[str], row: _Row) -> None:
        for number, column, topic, reading in self._consent:
            cell = _cell(row_cells, number)
            if cells.is_empty(cell):
                continue
            answer = optouts.read_consent_cell(cell, "opt_out" if reading == "opt_out" else "opt_in")
            # Who opted out stays so until they or an admin take it back: a later file that says yes does not.
            opted_out = (
                answer.allowed is False and not answer.doubt and (reading == "opt_out" or optouts.says_out(cell))
            )
            if opted_out and not answer.why:
                answer = msgspec.structs.replace(answer, why=self._why[column] or "unsubscribed")
            if answer.doubt:
                reason = gettext(
                    "This is neither a yes nor a no. The contact counts as unsubscribed from %(topic)s.", topic=topic
                )
                row.problems.append(RowProblem(column, cell, reason))
            row.say(topic, answer)
        for number, column, look in self._guarded:
            cell = _cell(row_cells, number)
            if not cell or len(cell) > 200:
                continue
            no = optouts.says_out(cell) or (
                look is not None
                and look.sure
                and not cells.is_empty(cell)
                and optouts.read_consent_cell(cell, look.reading).allowed is False
            )
            if no:
                reason = gettext(
                    "This says that the contact unsubscribed, so it is imported as unsubscribed from email."
                )
                row.problems.append(RowProblem(column, cell, reason))
                row.say("email", optouts.ConsentAnswer(False, "unsubscribed"))
        if self.rules.all_opted_out:
            row.say("email", optouts.ConsentAnswer(False, "unsubscribed"))


def _cell(row_cells: Sequence[str], number: int) -> str:
    cell = row_cells[number].strip() if number < len(row_cells) else ""
    # Our own error files and spreadsheets protect with an apostrophe what would run as a formula.
    return _FORMULA.sub("", cell, count=1) if cell.startswith("'") else cell


def _readable(cell: str) -> str:
    if "\0" in cell or "\ufffd" in cell:
        raise BadField(
            gettext("This text holds characters that could not be read. Choose another encoding for the file.")
        )
    return cell


def _is_address(cell: str) -> bool:
    """Is this an email address?"""
    try:
        return contact_fields.text("email", cell) is not None
    except BadField:
        return False


def _tags(cell: str) -> list[str]:
    parts = [part.strip() for part in re.split(r"[,;|]", cell)]
    return [contact_fields.tag(part) for part in parts if not cells.is_empty(part)]


def _compiled(target: Target, notation: Notation) -> tuple[str, str, Callable[[str], Any]]:
    group, _, name = target.to.partition(".")
    if group == "attributes":
        kind: cells.Kind = next(kind for kind in cells.KINDS if kind == target.type)
        return group, contact_fields.attribute_name(name), cells.reader(kind, notation)
    if group == "tags":
        return group, "", _tags
    field = FIELDS[target.to]
    return (
        "texts",
        field,
        lambda cell: None if contact_fields.says_nothing(cell) else contact_fields.text(field, cell, notation.country),
    )
