"""The form of a contact on its page: how its state becomes fields, and how what came back becomes a change.

The form carries what it was filled with (`was`). Only what differs from that is changed, so two people who edit different
fields of one contact do not undo each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from app.contacts.attribute_kinds import attribute_kind, read_value, written_value
from app.contacts.fields import json_name
from app.contacts.schemas import ContactIn
from app.errors import FieldError
from app.lib.translation import gettext, translatable
from app.models.contact import Contact
from app.values import names
from app.values.contact_diff import same_value
from app.values.contact_fields import TEXTS

BLANK_ROWS = 1
CONSENTS = (("", translatable("No preference")), ("yes", translatable("Allowed")), ("no", translatable("Unsubscribed")))
CHANNELS = ("email", "sms", "push")


class AttributeRow(msgspec.Struct):
    """`label`: what people call the attribute, when that is not its name."""

    name: str = ""
    value: str = ""
    kind: str = "text"
    error: str = ""
    label: str = ""


class ConsentRow(msgspec.Struct):
    topic: str = ""
    choice: str = ""
    fixed: bool = False


class ContactForm(msgspec.Struct):
    """What the fields of the form hold. `was` is JSON of what they held at first.

    `labels`: what people wrote for the name of an attribute, by the name that it got (known after `change`).
    """

    texts: dict[str, str]
    tags: str
    attributes: list[AttributeRow]
    consent: list[ConsentRow]
    was: str = "{}"
    labels: dict[str, str] = {}


class Was(msgspec.Struct):
    """The contact as the form was filled with it."""

    texts: dict[str, str] = {}
    tags: list[str] = []
    attributes: dict[str, Any] = {}
    consent: dict[str, bool] = {}


def filled(contact: Contact | None, labels: Mapping[str, str] | None = None) -> ContactForm:
    """The form of a contact, or of a new one. `labels`: what people call attributes."""
    was = Was()
    if contact is not None:
        texts = {name: getattr(contact, name) or "" for name in TEXTS}
        was = Was(texts, list(contact.tags), dict(contact.attributes), dict(contact.consent))
    rows = [
        AttributeRow(name, written_value(value), attribute_kind(value), label=(labels or {}).get(name, ""))
        for name, value in sorted(was.attributes.items())
    ]
    topics = [*CHANNELS[:1], *sorted(set(was.consent) - set(CHANNELS[:1]))]
    return ContactForm(
        texts={name: was.texts.get(name, "") for name in TEXTS},
        tags=", ".join(was.tags),
        attributes=[*rows, *(AttributeRow() for _ in range(BLANK_ROWS))],
        consent=[
            *(ConsentRow(topic, {True: "yes", False: "no"}.get(was.consent.get(topic), ""), True) for topic in topics),  # type: ignore[arg-type]
            ConsentRow(),
        ],
        was=msgspec.json.encode(was).decode(),
    )


def submitted(data: Mapping[str, Any]) -> ContactForm:
    """What came back from the browser."""

    def field(name: str) -> str:
        value = data.get(name)
        return value if isinstance(value, str) else ""

    rows, topics = [], []
    for index in _indices(data, "attribute_name_"):
        rows.append(
            AttributeRow(
                field(f"attribute_name_{index}").strip(),
                field(f"attribute_value_{index}"),
                field(f"attribute_kind_{index}") or "text",
            )
        )
    for index in _indices(data, "topic_"):
        topics.append(
            ConsentRow(field(f"topic_{index}").strip(), field(f"consent_{index}"), bool(field(f"topic_fixed_{index}")))
        )
    return ContactForm(
        texts={name: field(json_name(name)) for name in TEXTS},
        tags=field("tags"),
        attributes=rows,
        consent=topics,
        was=field("was") or "{}",
    )


def _indices(data: Mapping[str, Any], prefix: str) -> list[int]:
    """The numbers of the rows that came back, in their order: rows that were taken out leave gaps."""
    found_rows = (re.fullmatch(rf"{prefix}(\d{{1,5}})", name) for name in data)
    return sorted({int(row[1]) for row in found_rows if row})


def change(form: ContactForm) -> tuple[ContactIn, list[FieldError]]:
    """What differs from the values that the form was filled with."""
    try:
        was = msgspec.json.decode(form.was, type=Was)
    except msgspec.MsgspecError:
        was = Was()
    field_errors: list[FieldError] = []
    sent = ContactIn()
    for name in TEXTS:
        if form.texts[name].strip() != was.texts.get(name, ""):
            setattr(sent, name, form.texts[name].strip() or None)
    tags = [tag.strip() for tag in form.tags.split(",") if tag.strip()]
    added = [tag for tag in tags if tag not in was.tags]
    removed = [tag for tag in was.tags if tag not in tags]
    sent.add_tags, sent.remove_tags = added or UNSET, removed or UNSET
    attributes = _attributes(form, was, field_errors)
    patch: dict[str, Any] = {name: None for name in was.attributes if name not in attributes}
    patch |= {
        name: value
        for name, value in attributes.items()
        if name not in was.attributes or not same_value(value, was.attributes[name])
    }
    sent.attributes = patch or UNSET
    choices: dict[str, bool] = {}
    for topic_row in form.consent:
        if topic_row.topic and topic_row.choice in ("yes", "no"):
            allowed = topic_row.choice == "yes"
            unchanged = was.consent.get(topic_row.topic) is allowed
            choices[topic_row.topic if unchanged else _usable(topic_row.topic) or topic_row.topic] = allowed
    consent: dict[str, bool | None] = {topic: None for topic in was.consent if topic not in choices}
    consent |= {topic: choice for topic, choice in choices.items() if was.consent.get(topic) is not choice}
    sent.consent = consent or UNSET
    return sent, field_errors


def _attributes(form: ContactForm, was: Was, field_errors: list[FieldError]) -> dict[str, Any]:
    """The attributes that the form wants, by the names that are stored. Notes labels in the form, and errors in its rows."""
    attributes: dict[str, Any] = {}

    def refuse(row: AttributeRow, message: str, shown: str) -> None:
        row.error = message
        field_errors.append({"path": "attributes", "message": shown})

    for row in form.attributes:
        if not row.name:
            if row.value.strip():
                refuse(row, gettext("Give this attribute a name."), gettext("Give this attribute a name."))
            continue
        try:
            value = was.attributes[row.name] if _stands(row, was) else read_value(row.kind, row.value)
        except ValueError as error:
            refuse(row, str(error), f"{row.name}: {error}")
            continue
        if value is None:
            continue
        unchanged = row.name in was.attributes and same_value(value, was.attributes[row.name])
        name = row.name if unchanged else _usable(row.name)
        if not name:
            refuse(
                row,
                gettext("A name needs a letter or a digit."),
                f"{row.name}: {gettext('A name needs a letter or a digit.')}",
            )
        elif name in attributes or (name != row.name and name in was.attributes):
            message = gettext("There is an attribute %(name)s already. Change that one.", name=name)
            refuse(row, message, f"{row.name}: {message}")
        else:
            attributes[name] = value
            if name != row.name:
                form.labels[name] = row.name
    return attributes


def _stands(row: AttributeRow, was: Was) -> bool:
    """Does the row hold what it was filled with? Then the value stays as it is stored, blanks and all."""
    value = was.attributes.get(row.name)
    return value is not None and row.kind == attribute_kind(value) and _lines(row.value) == _lines(written_value(value))


def _lines(text: str) -> list[str]:
    """Browsers send each kind of line end as CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _usable(name: str) -> str:
    """The name itself when something can read it, else the one that fits; blank when nothing is left of it."""
    return name if names.usable(name) else names.fitting(name)
