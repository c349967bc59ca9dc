"""What a contact may hold: each field cleaned into the form that is stored, or a complaint that says what fits."""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from app.contacts.schemas import ContactIn
from app.errors import Complaint
from app.lib import addresses, jsonlimits

TEXTS = ("external_id", "email", "phone", "source", "timezone", "locale")
MAX_TEXT, MAX_TAG, MAX_TAGS, MAX_KEY, MAX_TOPICS = 200, 100, 100, 100, 50
MAX_ATTRIBUTES_BYTES = 32_768
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A cleaned change. None in `texts`, `attributes` or `consent` removes; absent keys stay as they are."""

    texts: Mapping[str, str | None] = {}
    attributes: Mapping[str, Any] = {}
    consent: Mapping[str, bool | None] = {}
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    @property
    def external_id(self) -> str | None:
        return self.texts.get("external_id")

    @property
    def email(self) -> str | None:
        return self.texts.get("email")


class BadField(ValueError):
    """A value that does not fit its field; the message says what would."""


@functools.cache
def timezones() -> frozenset[str]:
    """All names of the IANA database on this machine."""
    return frozenset(zoneinfo.available_timezones())


def _plain(value: str) -> str:
    text = value.strip()
    if "\0" in text:
        raise BadField("A text here holds the character U+0000, which cannot be stored.")
    if len(text) > MAX_TEXT:
        raise BadField(f"Send at most {MAX_TEXT} characters.")
    return text


def _timezone(value: str) -> str:
    if value not in timezones():
        raise BadField("There is no time zone of this name. Send one like Europe/Berlin.")
    return value


def _locale(value: str) -> str:
    found = _LOCALE.fullmatch(value)
    if not found:
        raise BadField("Send a language and an optional region, like en or en-GB.")
    language, script, region = found.groups()
    return "-".join(part for part in (language.lower(), script and script.title(), region and region.upper()) if part)


def _address(value: str, field: str) -> str:
    try:
        return addresses.email(value) if field == "email" else addresses.phone(value)
    except addresses.BadAddress as error:
        raise BadField(str(error)) from error


def text(field: str, value: str | None) -> str | None:
    """One text field (a name of TEXTS) as it is stored; blank is None. Raises BadField."""
    cleaned = _plain(value) if value is not None else ""
    if not cleaned:
        return None
    if field in ("email", "phone"):
        return _address(cleaned, field)
    if field == "timezone":
        return _timezone(cleaned)
    return _locale(cleaned) if field == "locale" else cleaned


def tag(value: str) -> str:
    """A tag without the space around it. Raises BadField."""
    cleaned = value.strip()
    if not cleaned or len(cleaned) > MAX_TAG or "\0" in cleaned:
        raise BadField(f"A tag has 1 to {MAX_TAG} characters.")
    return cleaned


def key(value: str) -> str:
    """The name of an attribute or topic. Raises BadField."""
    if not value.strip() or len(value) > MAX_KEY or "\0" in value:
        raise BadField(f"A name has 1 to {MAX_KEY} characters.")
    return value.strip()


def clean(sent: ContactIn) -> tuple[Change, list[Complaint]]:
    """The change that a client asked for, and everything that does not fit in it."""
    complaints: list[Complaint] = []

    def attempt(path: str, rule: Any, *arguments: Any) -> Any:
        try:
            return rule(*arguments)
        except ValueError as error:
            complaints.append({"path": path, "message": str(error)})
            return None

    def tags(path: str, values: Iterable[str]) -> tuple[str, ...]:
        found = [attempt(f"{path}[{number}]", tag, value) for number, value in enumerate(values)]
        if len(found) > MAX_TAGS:
            complaints.append({"path": path, "message": f"A contact has at most {MAX_TAGS} tags."})
        return tuple(dict.fromkeys(value for value in found if value))

    texts = {
        name: attempt(json_name(name), text, name, getattr(sent, name))
        for name in TEXTS
        if getattr(sent, name) is not UNSET
    }
    attributes = {} if sent.attributes is UNSET else dict(sent.attributes)
    for name in attributes:
        attempt("attributes", key, name)
    if attributes:
        attempt("attributes", _storable, attributes)
    consent = {} if sent.consent is UNSET else dict(sent.consent)
    for name in consent:
        attempt("consent", key, name)
    if len(consent) > MAX_TOPICS:
        complaints.append({"path": "consent", "message": f"A contact has at most {MAX_TOPICS} topics."})
    change = Change(
        texts=texts,
        attributes={name.strip(): value for name, value in attributes.items()},
        consent={name.strip(): value for name, value in consent.items()},
        tags=None if sent.tags is UNSET else tags("tags", sent.tags),
        add_tags=() if sent.add_tags is UNSET else tags("addTags", sent.add_tags),
        remove_tags=() if sent.remove_tags is UNSET else tags("removeTags", sent.remove_tags),
    )
    return change, complaints


def _storable(attributes: Mapping[str, Any]) -> str:
    return jsonlimits.storable(attributes, max_bytes=MAX_ATTRIBUTES_BYTES)


def json_name(name: str) -> str:
    """The JSON name of a field: `external_id` is `externalId`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
