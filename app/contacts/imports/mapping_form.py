"""The form on which people say what the columns of a file mean: how a proposal fills it, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.contacts.imports import cells, optouts, starting
from app.contacts.imports.columns import FIELDS, Target
from app.contacts.imports.csvfile import DELIMITERS
from app.contacts.imports.encodings import ENCODINGS
from app.contacts.imports.schemas import FormatIn, StartIn, StoredMapping
from app.lib.translation import gettext, translatable

CHOICES = (
    ("", translatable("Leave out")),
    ("email", translatable("Email")),
    ("externalId", translatable("External id")),
    ("attribute", translatable("Attribute")),
    ("tags", translatable("Tags")),
    ("optout", translatable("Unsubscribed from")),
    ("consent", translatable("Agreed to")),
    ("phone", translatable("Phone")),
    ("source", translatable("Source")),
    ("timezone", translatable("Time zone")),
    ("locale", translatable("Language")),
)
KINDS = (
    ("text", translatable("Text")),
    ("number", translatable("Number")),
    ("date", translatable("Date")),
    ("boolean", translatable("Yes or no")),
)
MARKS = ((".", "1,234.50"), (",", "1.234,50"))
ORDERS = (
    ("", translatable("Not decided")),
    ("dmy", translatable("Day first, 31/12/2025")),
    ("mdy", translatable("Month first, 12/31/2025")),
)
HEADERS = (("yes", translatable("Names of the columns")), ("no", translatable("A contact already")))
_SAID = {True: translatable("may be emailed"), False: translatable("unsubscribed"), None: translatable("says nothing")}
_WHY = {
    "bounced": translatable("unsubscribed, and suppressed as bounced"),
    "complained": translatable("unsubscribed, and suppressed for a complaint"),
}


class MappingRow(msgspec.Struct, kw_only=True):
    """One column on the form."""

    column: str
    choice: str
    name: str
    type: str
    cells: list[str]
    reads: list[tuple[str, str]]
    """Cells of a column of consent, each with what it is taken for."""
    question: bool
    answer: str
    topic: str
    words: str


class Filled(msgspec.Struct, kw_only=True):
    """Everything on the form beside the columns."""

    encoding: str
    delimiter: str
    header: str
    decimal_mark: str
    date_order: str
    country: str
    tags: str = ""
    segment: str = ""
    emit: bool = True
    all_opted_out: str = ""


def encodings() -> list[tuple[str, str]]:
    """The encodings that can be chosen."""
    return [(name, gettext(encoding.label)) for name, encoding in ENCODINGS.items()]


def delimiters() -> list[tuple[str, str]]:
    """The delimiters that can be chosen, by a name that survives a form."""
    return [(words, words.capitalize()) for words in DELIMITERS.values()]


def filled(stored: StoredMapping, country: str | None, data: Mapping[str, Any] | None) -> Filled:
    """The fields of the form: what was sent, and else what is proposed."""
    form = Filled(
        encoding=stored.format.encoding,
        delimiter=DELIMITERS.get(stored.format.delimiter, "commas"),
        header="yes" if stored.format.has_header else "no",
        decimal_mark=stored.notation.decimal_mark,
        date_order=stored.notation.date_order or "",
        country=country or "",
    )
    if data is not None:
        form.tags, form.emit = _field(data, "tags"), bool(data.get("emit_events"))
        form.segment = _field(data, "segment")
        form.country, form.all_opted_out = _field(data, "country"), _field(data, "all_opted_out")
        form.decimal_mark = _field(data, "decimal_mark") or form.decimal_mark
        form.date_order = _field(data, "date_order") or form.date_order
    return form


def rows(stored: StoredMapping, data: Mapping[str, Any] | None, places: Mapping[str, int]) -> list[MappingRow]:
    """The columns of the file. `places` says under which number a column stood on the form that was sent."""
    form_rows = []
    for index, column in enumerate(stored.format.columns):
        choice, name, kind = _chosen(stored.guess.get(column))
        answer = ""
        if data is not None and column in places:
            at = places[column]
            choice, name, kind = (_field(data, f"{field}_{at}") for field in ("to", "name", "type"))
            answer = _field(data, f"answer_{at}")
        look = stored.looks.get(column)
        reading: optouts.Reading | None = {"optout": "opt_out", "consent": "opt_in"}.get(choice)  # type: ignore[assignment]
        form_rows.append(
            MappingRow(
                column=column,
                choice=choice,
                name=name,
                type=kind,
                cells=[row[index] for row in stored.sample if index < len(row) and row[index].strip()][:3],
                reads=[(cell, _reads(cell, reading)) for cell in look.kinds] if look is not None and reading else [],
                question=False,
                answer=answer,
                topic=look.topic if look is not None else "email",
                words="”, “".join(look.words) if look is not None else "",
            )
        )
    unanswered = msgspec.structs.replace(stored, mapping=_targets(form_rows), acknowledged=[])
    open_ = set(starting.open_questions(unanswered))
    for row in form_rows:
        row.question = row.column in open_
    return form_rows


def _reads(cell: str, reading: optouts.Reading) -> str:
    consent = optouts.read_consent_cell(cell, reading)
    if consent.doubt:
        return gettext("not understood, so unsubscribed")
    return gettext(_WHY.get(consent.why) or _SAID[consent.allowed])


def _chosen(target: Target | None) -> tuple[str, str, str]:
    """A target as the three controls of its row: choice, name, type."""
    if target is None:
        return "", "", "text"
    group, dot, name = target.to.partition(".")
    if group == "consent":
        return ("optout" if target.type == "opt_out" else "consent"), name, "text"
    return ("attribute", name, target.type) if dot else (target.to, "", "text")


def _target(choice: str, name: str, kind: str) -> Target | str | None:
    if choice == "attribute":
        kind_: cells.Kind = next((word for word in cells.KINDS if word == kind), "text")
        return Target(f"attributes.{name}", kind_)
    if choice == "consent":
        return Target(f"consent.{name or 'email'}", "opt_in")
    if choice == "optout":
        return Target(f"consent.{name or 'email'}", "opt_out")
    if choice in FIELDS or choice == "tags":
        return Target(choice)
    return choice or None


def _targets(form_rows: Sequence[MappingRow]) -> dict[str, Target]:
    targets = {row.column: _target(row.choice, row.name, row.type) for row in form_rows}
    return {column: target for column, target in targets.items() if isinstance(target, Target)}


def _field(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""


def _id(text: str) -> UUID | None:
    """The id of the chosen segment; what is no id names none, and the service says so."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return UUID(int=0)


def start_of(data: Mapping[str, Any], stored: StoredMapping) -> StartIn:
    """What the form asks for. A question that was answered with yes maps its column to consent."""
    mapping: dict[str, Target | str | None] = {}
    acknowledged = []
    for index, column in enumerate(stored.format.columns):
        target = _target(_field(data, f"to_{index}"), _field(data, f"name_{index}"), _field(data, f"type_{index}"))
        look, answer = stored.looks.get(column), _field(data, f"answer_{index}")
        if look is not None and answer == "yes":
            target = Target(f"consent.{look.topic}", look.reading)
        elif look is not None and answer == "no":
            acknowledged.append(column)
        if target is not None:
            mapping[column] = target
    order, mark = _field(data, "date_order"), _field(data, "decimal_mark")
    return StartIn(
        mapping=mapping,
        tags=[tag.strip() for tag in _field(data, "tags").split(",") if tag.strip()],
        segment_id=_id(_field(data, "segment")),
        emit_events=bool(data.get("emit_events")),
        country=_field(data, "country") or None,
        decimal_mark="," if mark == "," else "." if mark else None,
        date_order="dmy" if order == "dmy" else "mdy" if order == "mdy" else None,
        acknowledge_opt_outs=acknowledged,
        all_opted_out={"yes": True, "no": False}.get(_field(data, "all_opted_out")),
    )


def format_of(data: Mapping[str, Any], stored: StoredMapping) -> FormatIn:
    """How the form says that the file is written: only what differs from how it was read."""
    by_words: dict[str, Any] = {words: mark for mark, words in DELIMITERS.items()}
    encoding, header = _field(data, "encoding"), _field(data, "header") == "yes"
    delimiter = by_words.get(_field(data, "delimiter"))
    return FormatIn(
        encoding=encoding if encoding != stored.format.encoding else None,
        delimiter=delimiter if delimiter != stored.format.delimiter else None,
        has_header=header if header != stored.format.has_header else None,
    )
