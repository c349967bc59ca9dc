"""Which column means what: a guess from its name and cells, and which targets there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from app.contacts.fields import json_name
from app.contacts.imports import cells, optouts
from app.contacts.imports.cells import KINDS, DecimalMark
from app.contacts.imports.reading import ADDRESS
from app.lib.translation import gettext
from app.values import contact_fields, names
from app.values.contact_fields import TEXTS, BadField

TargetType = Literal["text", "number", "boolean", "date", "opt_in", "opt_out"]
FIELDS = {json_name(name): name for name in TEXTS}
"""What a column may fill, as the API names it, beside `tags`, `attributes.NAME` and `consent.TOPIC`."""
CONSENT_TYPES = ("opt_in", "opt_out", "text")
_SYNONYMS = {
    "email": "email emailaddress mail emailadresse correo courriel adresseemail correoelectronico indirizzoemail epost eposta",
    "externalId": "externalid id userid customerid contactid memberid uid kundenid kundennummer",
    "phone": "phone phonenumber mobile mobilephone tel telephone cell telefon handy telefonnummer telefono portable mobil",
    "source": "source leadsource utmsource origin",
    "timezone": "timezone tz zeitzone",
    "locale": "locale language lang sprache langue idioma lingua taal",
    "tags": "tags tag labels label",
}
_BY_NAME = {word: target for target, words in _SYNONYMS.items() for word in words.split()}


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a column goes.

    `type` says what the cells of an attribute are; for `consent.TOPIC` whether the column names those who agreed (`opt_in`) or
    those who do not want to be written to (`opt_out`).
    """

    to: str
    type: TargetType = "text"

    @property
    def group(self) -> str:
        return self.to.partition(".")[0]


def guess(
    columns: Sequence[str], rows: Sequence[Sequence[str]], looks: Mapping[str, optouts.Column], mark: DecimalMark
) -> dict[str, Target]:
    """A target for every column; each field is given to the first column that looks like it."""
    targets: dict[str, Target] = {}
    used_targets: set[str] = set()
    for number, name in enumerate(columns):
        filled = [row[number].strip() for row in rows if number < len(row) and row[number].strip()]
        look = looks.get(name)
        if look is not None and look.sure:
            targets[name] = Target(f"consent.{look.topic}", look.reading)
            continue
        target = _BY_NAME.get(re.sub(r"[^a-z0-9]", "", name.lower()))
        addresses = sum(ADDRESS.fullmatch(cell) is not None for cell in filled)
        if target is None and addresses and addresses * 10 >= len(filled) * 9:
            target = "email"
        if target is None or target in used_targets:
            target = _free(f"attributes.{names.fitting(name) or f'column_{number + 1}'}", used_targets)
        used_targets.add(target)
        targets[name] = Target(target, cells.guess_kind(filled, mark) if target.startswith("attributes.") else "text")
    return targets


def _free(target: str, used_targets: set[str]) -> str:
    free, again = target, 2
    while free in used_targets:
        free, again = f"{target}_{again}", again + 1
    return free


def looks_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, optouts.Column]:
    """The columns that have to do with permission."""
    looks = {
        name: optouts.look(name, [row[number] for row in rows if number < len(row)])
        for number, name in enumerate(columns)
    }
    return {name: look for name, look in looks.items() if look is not None}


def target_error(target: Target) -> str | None:
    """What is wrong with a target; None when it is right."""
    group, dot, name = target.to.partition(".")
    if group in ("attributes", "consent") and dot:
        allowed_types = KINDS if group == "attributes" else CONSENT_TYPES
        if target.type not in allowed_types:
            return gettext(
                "The type of %(group)s is one of %(allowed_types)s.",
                group=group,
                allowed_types=", ".join(allowed_types),
            )
        try:
            (contact_fields.attribute_name if group == "attributes" else contact_fields.topic)(name)
        except BadField as error:
            return str(error)
        return None
    if target.to in FIELDS or target.to == "tags":
        return None if target.type == "text" else gettext("Only attributes and consent have a type. Leave it out.")
    return gettext(
        "A column goes to %(fields)s, tags, attributes.NAME or consent.TOPIC, or to null.", fields=", ".join(FIELDS)
    )
