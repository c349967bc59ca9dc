"""How a contact is presented: its name on pages and in the API, its data as Liquid and conditions see it, its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.lib.translation import gettext, translatable

FIELD_COLUMNS = {
    "email": "email",
    "phone": "phone",
    "external_id": "external_id",
    "externalId": "external_id",
    "source": "source",
    "timezone": "timezone",
    "locale": "locale",
    "created_at": "created_at",
    "createdAt": "created_at",
}
"""The column behind each word that may follow `contact.` in a path; every other word is an attribute."""
COLUMNS = tuple(dict.fromkeys(FIELD_COLUMNS.values()))
"""Fields of a contact that are columns of their own and that templates and conditions read."""
WHOLE_NAME = ("name", "fullName", "full_name")
FIRST_NAME = ("firstName", "first_name")
LAST_NAME = ("lastName", "last_name")
"""The attributes that a name is made of; the first of each that holds text counts."""
NAMELESS = translatable("No name")
MAX_NAME_PART = 100


class Named(Protocol):
    """A contact, its row or its state: whatever has what a name is made of."""

    @property
    def email(self) -> str | None: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...


def name_of(contact: Named) -> str:
    """What people call the contact: the name from its attributes, else its email, external id or phone number."""
    attributes = contact.attributes
    parts = (_first_text(attributes, FIRST_NAME), _first_text(attributes, LAST_NAME))
    return (
        _first_text(attributes, WHOLE_NAME)
        or " ".join(part for part in parts if part)
        or contact.email
        or contact.external_id
        or contact.phone
        or NAMELESS
    )


def contact_name(contact: Named | None) -> str:
    """What a page calls a contact that may have been erased meanwhile."""
    if contact is None:
        return gettext("Deleted contact")
    name = name_of(contact)
    return gettext(name) if name == NAMELESS else name


def _first_text(attributes: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first of the attributes that holds text, as one line of at most MAX_NAME_PART characters; '' when none does."""
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str) and (line := " ".join(value.split())):
            return line[:MAX_NAME_PART]
    return ""


def liquid_data(
    contact_id: UUID,
    columns: Mapping[str, Any],
    attributes: Mapping[str, Any],
    tags: Iterable[str],
    consent: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A contact as Liquid sees it: `columns` by the names of COLUMNS, those that are missing read as nothing.

    `contact.plan` is short for `contact.attributes.plan`; a column with the same name wins. `contact.consent.<name>` is what the contact
    said of a channel or a topic, nothing where it was not asked.
    """
    created = columns.get("created_at")
    if isinstance(created, datetime):
        columns = {**columns, "created_at": created.isoformat()}
    return {
        **({"consent": consent} if consent else {}),
        **attributes,
        **{word: columns.get(column) for word, column in FIELD_COLUMNS.items()},
        "id": str(contact_id),
        "attributes": attributes,
        "tags": list(tags),
    }


def liquid_data_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """`liquid_data` of a contact's row: `id`, `tags`, `attributes` and the columns."""
    return liquid_data(row["id"], row, row["attributes"] or {}, row["tags"] or (), row.get("consent"))
