"""Which column means what: a guess from its name and cells, and a compiled mapping that turns a row into a change."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from app.contacts.fields import Change, json_name
from app.contacts.imports.csvfile import BadRow
from app.values import contact_fields, names
from app.values.contact_fields import TEXTS, BadField

Kind = Literal["text", "number", "boolean"]
KINDS: tuple[Kind, ...] = ("text", "number", "boolean")
FIELDS = {json_name(name): name for name in TEXTS}
"""What a column may fill, as the API names it, beside `tags`, `attributes.NAME` and `consent.TOPIC`."""
_SYNONYMS = {
    "email": "email emailaddress mail emailadresse correo courriel",
    "externalId": "externalid id userid customerid contactid memberid uid kundenid kundennummer",
    "phone": "phone phonenumber mobile mobilephone tel telephone cell telefon handy",
    "source": "source leadsource utmsource origin",
    "timezone": "timezone tz",
    "locale": "locale language lang sprache",
    "tags": "tags tag labels label",
    "consent.email": "consent optin emailoptin emailconsent marketingconsent subscribed newsletteroptin",
}
_BY_NAME = {word: target for target, words in _SYNONYMS.items() for word in words.split()}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_YES, _NO = (
    frozenset(["true", "yes", "y", "on", "1", "ja", "oui", "si"]),
    frozenset(["false", "no", "n", "off", "0", "nein", "non"]),
)
_FORMULA = re.compile(r"'(?=[=+\-@\t\r])")


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a column goes. `type` says what the cells of an attribute are."""

    to: str
    type: Kind = "text"


def guess(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, Target]:
    """A target for every column; each field is given to the first column that looks like it."""
    found: dict[str, Target] = {}
    taken: set[str] = set()
    for number, name in enumerate(columns):
        cells = [row[number].strip() for row in sample if number < len(row) and row[number].strip()]
        target = _BY_NAME.get(re.sub(r"[^a-z0-9]", "", name.lower()))
        if target is None and cells and all("@" in cell and " " not in cell for cell in cells):
            target = "email"
        if target is None or target in taken:
            target = f"attributes.{_attribute(name)}"
        taken.add(target)
        found[name] = Target(target, _kind(cells) if target.startswith("attributes.") else "text")
    return found


def _attribute(name: str) -> str:
    """`First name` is `first_name`; a name of a program, such as `firstName`, stays as it is."""
    return names.fitting(name) or "column"


def _kind(cells: Sequence[str]) -> Kind:
    if not cells:
        return "text"
    if all(_INTEGER.fullmatch(cell) or _DECIMAL.fullmatch(cell) for cell in cells):
        return "number"
    if all(cell.lower() in ("true", "false", "yes", "no") for cell in cells):
        return "boolean"
    return "text"


def _boolean(cell: str) -> bool:
    word = cell.lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadField("Write yes or no, true or false, 1 or 0.")


def number(cell: str) -> int | float:
    if _INTEGER.fullmatch(cell):
        return int(cell)
    try:
        value = float(cell)
    except ValueError as error:
        raise BadField("This is not a number. Write it like 1234.5.") from error
    if not math.isfinite(value):
        raise BadField("This is not a number. Write it like 1234.5.")
    return value


def _text(cell: str) -> str:
    if len(cell) > 10_000:
        raise BadField("Send at most 10,000 characters.")
    return cell


_READ: dict[Kind, Callable[[str], Any]] = {"text": _text, "number": number, "boolean": _boolean}


def check(target: Target) -> str | None:
    """What is wrong with a target; None when it is right."""
    group, dot, name = target.to.partition(".")
    if group in ("attributes", "consent") and dot:
        try:
            (contact_fields.attribute_name if group == "attributes" else contact_fields.topic)(name)
        except BadField as error:
            return str(error)
        return None
    if target.to in FIELDS or target.to == "tags":
        return None
    return f"A column goes to {', '.join(FIELDS)}, tags, attributes.NAME or consent.TOPIC, or to null."


class Plan:
    """A compiled mapping: turns the cells of a row into a change."""

    def __init__(self, columns: Sequence[str], mapping: Mapping[str, Target], tags: Sequence[str] = ()) -> None:
        self.width = len(columns)
        self.tags = tuple(tags)
        self._columns = [
            (number, name, *_compiled(mapping[name])) for number, name in enumerate(columns) if name in mapping
        ]

    def change(self, row: Sequence[str] | BadRow) -> Change | BadRow:
        """The change that a row asks for, or what is wrong with it. An empty cell leaves the field as it is."""
        if isinstance(row, BadRow):
            return row
        if len(row) > self.width and any(cell.strip() for cell in row[self.width :]):
            return BadRow(f"This row has {len(row)} cells, but there are {self.width} columns.")
        groups: dict[str, dict[str, Any]] = {"texts": {}, "attributes": {}, "consent": {}}
        tags = list(self.tags)
        wrong: list[str] = []
        for number, column, group, name, read in self._columns:
            cell = row[number].strip() if number < len(row) else ""
            if not cell:
                continue
            if cell[0] == "'":
                cell = _FORMULA.sub("", cell, count=1)  # as our own error files and spreadsheets protect a cell
            if "\0" in cell or "\ufffd" in cell:
                wrong.append(f"{column}: This text holds characters that could not be read.")
                continue
            try:
                value = read(cell)
            except BadField as error:
                wrong.append(f"{column}: {error}")
                continue
            if group == "tags":
                tags += value
            else:
                groups[group][name] = value
        if wrong:
            return BadRow(" ".join(wrong))
        texts = groups["texts"]
        if not texts.get("external_id") and not texts.get("email"):
            return BadRow("This row has neither an email nor an external id.")
        return Change(
            texts=texts,
            attributes=groups["attributes"],
            consent=groups["consent"],
            add_tags=tuple(dict.fromkeys(tags)),
        )


def _tags(cell: str) -> list[str]:
    return [contact_fields.tag(part) for part in re.split(r"[,;|]", cell) if part.strip()]


def _compiled(target: Target) -> tuple[str, str, Callable[[str], Any]]:
    group, _, name = target.to.partition(".")
    if group == "attributes":
        return group, contact_fields.attribute_name(name), _READ[target.type]
    if group == "consent":
        return group, contact_fields.topic(name), _boolean
    if group == "tags":
        return group, "", _tags
    field = FIELDS[target.to]
    return "texts", field, lambda cell: contact_fields.text(field, cell)
