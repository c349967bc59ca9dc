"""What a contact is called on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Named(Protocol):
    """A contact, or its state."""

    @property
    def email(self) -> str | None: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...


def name_of(contact: Named) -> str:
    """The name from its attributes, else its email, else its external id."""
    attributes = contact.attributes
    whole = _text(attributes, "name") or _text(attributes, "fullName") or _text(attributes, "full_name")
    parts = (
        _text(attributes, "firstName") or _text(attributes, "first_name"),
        _text(attributes, "lastName") or _text(attributes, "last_name"),
    )
    return whole or " ".join(part for part in parts if part) or contact.email or contact.external_id or "No name"


def _text(attributes: Mapping[str, Any], key: str) -> str:
    value = attributes.get(key)
    return value.strip()[:100] if isinstance(value, str) else ""
