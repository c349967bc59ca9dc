"""What a contact may hold: the rules of every field, obeyed by every door that writes one.

API, pages, files, steps and events hand their values to the functions here and store what comes back. A value that does not
fit raises BadField with a sentence for people; nothing is cut, guessed or printed as text to make it fit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import phonenumbers
from babel import Locale

from app.lib import addresses, jsonlimits, translation
from app.lib.formats import number
from app.lib.normal_forms import name_order
from app.lib.translation import gettext, translatable
from app.liquid.wording import kind_in_words
from app.models.status import Channel
from app.values import languages, names, zone_names

TEXTS = ("external_id", "email", "phone", "source", "timezone", "locale")
"""Fields that are texts of their own; everything else about a person is an attribute, a tag or consent."""
MAX_TEXT, MAX_TAG, MAX_TAGS, MAX_TOPICS = 200, 100, 100, 50
MAX_ATTRIBUTES_BYTES, MAX_DEPTH = 32_768, 10
_CALLED = {
    "external_id": translatable("An external id"),
    "email": translatable("An email address"),
    "phone": translatable("A phone number"),
    "source": translatable("A source"),
    "timezone": translatable("A time zone"),
    "locale": translatable("A language"),
}
_NOTHING = frozenset(
    {
        *("n/a", "na", "n.a.", "#n/a", "k.a.", "k/a", "s/o", "s.o.", "-", "--", "---", "–", "—", ".", "?", "/", "\\n"),
        *("none", "null", "nil", "nan", "undefined", "unknown", "empty", "(none)", "(empty)", "(blank)", "(null)"),
        *("not available", "not applicable", "not known", "not set", "no data"),
        *("keine angabe", "unbekannt", "inconnu", "sin datos", "desconocido", "sconosciuto", "onbekend"),
    }
)
"""How people and programs say in a cell that it is empty."""

_CHANNELS = frozenset(channel.word for channel in Channel)


class BadField(ValueError):
    """A value that does not fit its field; the message says what would."""


class CountryDecides(BadField):
    """It depends on the workspace's country what is meant, and that country does not say."""


def text(field: str, value: Any, country: str | None = None) -> str | None:
    """One field of TEXTS as it is stored; None and blank are None. Raises BadField.

    `country` (ISO 3166 alpha-2) is the workspace's: of phone numbers in national notation, and between zones of one name.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadField(
            gettext("%(called)s is text, not %(value)s.", called=gettext(_CALLED[field]), value=kind_in_words(value))
        )
    cleaned = value.strip()
    if not cleaned:
        return None
    if "\0" in cleaned:
        raise BadField(gettext("A text here holds the character U+0000, which cannot be stored."))
    if len(cleaned) > MAX_TEXT:
        raise BadField(
            gettext(
                "%(called)s has at most %(max_text)s characters.", called=gettext(_CALLED[field]), max_text=MAX_TEXT
            )
        )
    return _CLEANERS[field](cleaned, country) if field in _CLEANERS else cleaned


def _email(value: str, _: str | None) -> str:
    try:
        return addresses.email(value)
    except addresses.BadAddress as error:
        raise BadField(str(error)) from error


@functools.lru_cache(2_000)
def _phone(value: str, country: str | None) -> str:
    try:
        return addresses.phone(value, country)
    except addresses.NeedsCountry as error:
        raise CountryDecides(str(error)) from error
    except addresses.BadAddress as error:
        raise BadField(str(error)) from error


def _timezone(value: str, country: str | None) -> str:
    try:
        return zone_names.zone(value, country)
    except zone_names.SeveralZones as error:
        raise CountryDecides(str(error)) from error
    except zone_names.UnknownZone as error:
        raise BadField(str(error)) from error


def _locale(value: str, _: str | None) -> str:
    try:
        return languages.language(value)
    except languages.UnknownLanguage as error:
        raise BadField(str(error)) from error


_CLEANERS: Mapping[str, Callable[[str, str | None], str]] = {
    "email": _email,
    "phone": _phone,
    "timezone": _timezone,
    "locale": _locale,
}


def country(value: str) -> str | None:
    """A workspace's country as ISO 3166 alpha-2; None when blank. Raises BadField."""
    code = value.strip().upper()
    if code and code not in phonenumbers.SUPPORTED_REGIONS:
        raise BadField(gettext("Choose a country of the list."))
    return code or None


def countries() -> list[tuple[str, str]]:
    """Every country with phone numbers of its own, as (code, name in the reader's language), by name."""
    return [*_countries(translation.language())]


@functools.cache
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    called = Locale.parse(language).territories
    by_code = {code: str(called.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS}
    return tuple(sorted(by_code.items(), key=lambda one: name_order(one[1])))


def country_of(settings: Mapping[str, Any]) -> str | None:
    """The country of a workspace's settings."""
    country = settings.get("country")
    return country if isinstance(country, str) and country else None


def says_nothing(cell: str) -> bool:
    """Is this how people leave a cell of a file empty: `n/a`, `-`, `unknown`? For fields, not for attributes of text."""
    return cell.strip().lower() in _NOTHING


def tag(value: Any) -> str:
    """A tag without the space around it. Raises BadField."""
    if not isinstance(value, str):
        raise BadField(gettext("A tag is text, not %(kind_in_words)s.", kind_in_words=kind_in_words(value)))
    cleaned = value.strip()
    if not cleaned or len(cleaned) > MAX_TAG:
        raise BadField(gettext("A tag has 1 to %(max_tag)s characters.", max_tag=MAX_TAG))
    if "\0" in cleaned:
        raise BadField(gettext("A tag here holds the character U+0000, which cannot be stored."))
    return cleaned


def attribute_name(value: str) -> str:
    """The name of an attribute. Raises BadField, offering the name that fits."""
    try:
        return names.checked(value, "attribute")
    except names.BadName as error:
        raise BadField(str(error)) from error


def topic(value: str) -> str:
    """The name of a topic of consent; of a channel in small letters. Raises BadField, offering the name that fits."""
    try:
        name = names.checked(value, "topic")
        return name.lower() if name.lower() in _CHANNELS else name
    except names.BadName as error:
        raise BadField(str(error)) from error


def attribute(value: Any) -> Any:
    """The value of one attribute: any JSON within the limits of all of them together. Raises BadField."""
    if size_of_scalar(value) is not None and not (isinstance(value, str) and "\0" in value):
        return value  # surely within the limits
    try:
        jsonlimits.storable(value, max_bytes=MAX_ATTRIBUTES_BYTES, max_depth=MAX_DEPTH - 1)
    except jsonlimits.Unstorable as error:
        raise BadField(str(error)) from error
    return value


def size_of_scalar(value: Any) -> int | None:
    """No fewer bytes than a short scalar takes as JSON, without encoding it; None for anything longer."""
    if value is None or isinstance(value, bool | float):
        return 24
    if isinstance(value, str) and len(value) <= 1_000:
        return 6 * len(value) + 2  # six bytes for a character that JSON escapes
    return 24 if isinstance(value, int) and -(2**63) < value < 2**63 else None


def attributes_size(attributes: Mapping[str, Any]) -> int:
    """How many bytes attributes take as JSON."""
    return len(jsonlimits.encode(attributes))


def too_large(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Why attributes cannot become `after`: only what makes them larger than they are can be too large. None when they can."""
    size = attributes_size(after)
    if size <= MAX_ATTRIBUTES_BYTES or size <= attributes_size(before):
        return None
    return gettext(
        "All attributes together would be %(size)s bytes of JSON; a contact has at most %(max_attributes_bytes)s.",
        size=number(size),
        max_attributes_bytes=number(MAX_ATTRIBUTES_BYTES),
    )


def too_many(before: Collection[str], after: Collection[str], what: str = "tags", limit: int = MAX_TAGS) -> str | None:
    """Why tags or topics cannot become `after`: only what makes them more can be too many. None when they can."""
    if len(after) <= limit or len(after) <= len(before):
        return None
    return gettext("A contact has at most %(limit)s %(what)s.", limit=limit, what=what)
