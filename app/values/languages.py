"""What people and programs call a language, understood as a tag of BCP 47: `de-AT` for `de_AT`, `German (Austria)`, `Deutsch`.

Names and codes come from CLDR, by Babel.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from app.lib import translation
from app.lib.normal_forms import without_accents
from app.lib.translation import gettext

_TAG = re.compile(
    r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?(?:\.[\w-]+)?(?:@\w+)?", re.ASCII
)
"""`en`, `en-GB`, `zh_Hant_TW`, and `de_DE.UTF-8` as computers say it."""
_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "hu", "ro", "el", "ru", "uk", "tr",
            "ja", "ko", "zh", "ar", "he")  # fmt: skip
"""In what languages names of languages are known; all of them take 0.2 s, once, at the first name that is no tag."""
_ALSO = {"farsi": "fa", "mandarin": "zh", "castellano": "es", "castilian": "es", "norwegian": "no", "bokmal": "nb"}


class UnknownLanguage(ValueError):
    """The name of a language is unknown or ambiguous; the message says what to write."""


def language(text: str) -> str:
    """A language with an optional script and region as `en`, `en-GB` or `zh-Hant-TW`. Raises UnknownLanguage."""
    return _understood(text.strip())


def language_name(tag: str) -> str:
    """What the reader calls the language of a tag: `German (Austria)`. A tag that is none stays as it is."""
    try:
        return Locale.parse(tag, sep="-").get_display_name(translation.language()) or tag
    except (ValueError, UnknownLocaleError):
        return tag


@functools.lru_cache(2_000)
def _understood(text: str) -> str:
    if tag := _TAG.fullmatch(text):
        code = _tag(*tag.groups())
        if code is not None:
            return code
    folded = _folded(text)
    code = _ALSO.get(folded) or _names().get(folded) or _with_place(text)
    if code is None:
        raise UnknownLanguage(gettext("This is no language. Write one like en, en-GB or German."))
    return code


def _tag(code: str, script: str | None, region: str | None) -> str | None:
    """The tag from its parts, with codes that were replaced renewed (`eng` is `en`); None when one is unknown."""
    english = Locale("en")
    code = get_global("language_aliases").get(code.lower(), code.lower()).partition("_")[0]
    if code not in english.languages:
        return None
    if script is not None and script.title() not in english.scripts:
        return None
    if region is not None and region.upper() not in english.territories:
        return None
    return "-".join(part for part in (code, script and script.title(), region and region.upper()) if part)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", without_accents(text).casefold()))


def _with_place(text: str) -> str | None:
    """`German (Austria)`, `English - United States`, `Chinese (Simplified)`."""
    called, where = _parted(text)
    name, place = _names().get(_folded(called)), _folded(where)
    if name is None or "-" in name or not place:
        return None
    turned = _names().get(f"{place} {_folded(called)}")
    if turned is not None:
        return turned
    region = _places().get(place)
    return f"{name}-{region}" if region else None


def _parted(text: str) -> tuple[str, str]:
    """The text before the first bracket, dash, comma or slash, and the text after it."""
    for at, char in enumerate(text):
        if at and char == "(" and text.endswith(")"):
            return text[:at], text[at + 1 : -1]
        if at and char in "-–,/":
            return text[:at], text[at + 1 :]
    return text, ""


def _said() -> Iterator[tuple[str, str]]:
    for name in _LOCALES:
        try:
            locale = Locale(name)
        except UnknownLocaleError:
            continue
        for code, called in locale.languages.items():
            yield called, code.replace("_", "-")


@functools.cache
def _names() -> dict[str, str]:
    codes_by_name: dict[str, str] = {}
    for called, code in _said():
        if code not in ("root", "und", "mul", "zxx", "mis"):
            codes_by_name.setdefault(_folded(called), code)
    return codes_by_name


@functools.cache
def _places() -> dict[str, str]:
    codes_by_name = {"uk": "GB", "usa": "US"}
    for name in _LOCALES[:7]:
        for territory, called in Locale(name).territories.items():
            code = str(territory)
            if len(code) == 2:
                codes_by_name.setdefault(code.lower(), code)
                codes_by_name.setdefault(_folded(str(called)), code)
    return codes_by_name
