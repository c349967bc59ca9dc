"""What a trigger makes of a body: a contact, its attributes, and the properties of the run; and why it makes nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.contacts import fields
from app.contacts.schemas import ContactIn
from app.errors import FieldError
from app.flow.local_time import listed
from app.flow.reception import Reception, value_at
from app.lib import jsonlimits
from app.lib.conversions import as_key
from app.lib.translation import gettext, translatable

_COLUMNS = {"externalId": "external_id", "email": "email", "phone": "phone"}
_PLACES = {
    "externalId": translatable("external id at %(path)s"),
    "email": translatable("email at %(path)s"),
    "phone": translatable("phone number at %(path)s"),
}
"""Where each was looked for, as a part of an enumeration."""


class Mapped(msgspec.Struct, frozen=True):
    """`contact` None: the run is about nobody. With `errors` nothing is to be done."""

    contact: ContactIn | None
    identity: dict[str, str]
    attributes: dict[str, Any]
    properties: dict[str, Any]
    errors: list[FieldError]


def mapped(reception: Reception, body: Any, country: str | None, headers: Mapping[str, str] | None = None) -> Mapped:
    """`country`: of the workspace, for phone numbers without a country code. `headers` of the call, by lower-case name."""
    errors: list[FieldError] = []
    identity = {}
    for name, path in reception.identity.paths_by_field().items():
        value = value_at(body, path)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and as_key(value).strip():
            identity[name] = as_key(value).strip()
    values = {name: value_at(body, path) for name, path in reception.attributes.items()}
    attributes = {name: value for name, value in values.items() if value is not None}
    contact = None
    if reception.of_contact and not identity:
        places = listed(gettext(_PLACES[name], path=path) for name, path in reception.identity.paths_by_field().items())
        errors.append(
            FieldError(
                path="identity", message=gettext("The JSON names nobody: there is no %(places)s.", places=places)
            )
        )
    elif reception.of_contact:
        contact = ContactIn(attributes=attributes)
        for name, text in identity.items():
            setattr(contact, _COLUMNS[name], text)
        errors += fields.clean(contact, country)[1]
    properties = reception.properties_of(body, headers)
    try:
        jsonlimits.storable(properties)
    except jsonlimits.Unstorable as error:
        errors.append(
            FieldError(
                path="properties",
                message=gettext("%(error)s Choose those that steps need, rather than all.", error=error),
            )
        )
    return Mapped(contact, identity, attributes, properties, errors)
