"""Filling a template for one contact: the data that mails see, and the three parts rendered from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from app.errors import Complaint
from app.lib.liquid import LiquidError, check_output, compile_text
from app.message_templates import plain_text
from app.messaging.schemas import Parts

if TYPE_CHECKING:  # a child of the sandbox imports this module, and needs no database
    from app.messaging.ledger import Due

_BREAKS = str.maketrans({"\r": " ", "\n": " ", "\t": " ", "\x00": ""})


class PartError(Exception):
    """A part of a template could not be rendered: which (`subject`, `html`, `text`), why, and where."""

    def __init__(self, part: str, error: LiquidError) -> None:
        self.part, self.message, self.line = part, error.message, error.line
        where = f", line {error.line}" if error.line else ""
        super().__init__(f"The template's {part}{where}: {error.message}")

    def __reduce__(self) -> tuple[type[PartError], tuple[str, LiquidError]]:
        return PartError, (self.part, LiquidError(self.message, self.line))


def contact_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """A contact as Liquid sees it. `contact.first_name` is short for `contact.attributes.first_name`; real fields win."""
    attributes = row["attributes"] or {}
    created = row["created_at"]
    return {
        **attributes,
        "id": str(row["id"]),
        "external_id": row["external_id"],
        "externalId": row["external_id"],
        "email": row["email"],
        "phone": row["phone"],
        "source": row["source"],
        "tags": list(row["tags"] or ()),
        "timezone": row["timezone"],
        "locale": row["locale"],
        "created_at": created.isoformat() if isinstance(created, datetime) else created,
        "attributes": attributes,
    }


def data_of(due: Due, contact: Mapping[str, Any], unsubscribe_url: str) -> dict[str, Any]:
    """Everything that a template of this message can read."""
    context = due.context or {}
    return {
        "contact": contact_data(contact),
        "event": due.trigger_event or {},
        "steps": context.get("steps") or {},
        "vars": context.get("vars") or {},
        "workspace": {"timezone": due.timezone},
        "unsubscribe_url": unsubscribe_url,
        "unsubscribeUrl": unsubscribe_url,
    }


def one_line(value: str) -> str:
    """`value` as a header may carry it: no line breaks, no runs of blanks."""
    return " ".join(value.translate(_BREAKS).split())


def _part(name: str, source: str, data: Mapping[str, Any], *, html: bool) -> str:
    try:
        return compile_text(source, html=html).render(data)
    except LiquidError as error:
        raise PartError(name, error) from error


def faults(parts: Parts) -> list[Complaint]:
    """What is wrong with the Liquid of each part, with its line."""
    found = []
    for path, source, html in (
        ("subject", parts.subject, False),
        ("html", parts.html, True),
        ("text", parts.text, False),
    ):
        try:
            compile_text(source, html=html)
            if html:
                check_output(source)
        except LiquidError as error:
            found.append(Complaint(path=path, message=str(error)))
    return found


def subjects(sources: list[str], data: Mapping[str, Any]) -> list[str]:
    """Subjects filled in for one contact; each that cannot be as it stands."""
    made = []
    for source in sources:
        try:
            made.append(one_line(compile_text(source, html=False).render(data)))
        except LiquidError:
            made.append(source)
    return made


def render(parts: Parts, data: Mapping[str, Any]) -> Parts:
    """Subject, HTML and text for `data`; whichever of HTML and text is missing is made from the other. Raises PartError."""
    html = _part("html", parts.html, data, html=True) if parts.html.strip() else ""
    text = _part("text", parts.text, data, html=False) if parts.text.strip() else ""
    return msgspec.structs.replace(
        parts,
        subject=one_line(_part("subject", parts.subject, data, html=False)),
        html=html or (plain_text.as_html(text) if text else ""),
        text=text or (plain_text.of_html(html) if html else ""),
    )
