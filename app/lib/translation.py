"""The language of the reader: texts, and the forms of numbers and dates that go with it.

Texts are written in English where they are used and marked by the functions of this module; `app/locales/LANGUAGE/` holds the same in
another language, as catalogues of GNU gettext, one file for each package. A text without a translation is shown in English.
`app/locales/scripts.json` lists those that scripts show: a page in another language carries them (`script_texts`), and
`static/texts.js` reads them there. Placeholders are `%(name)s`. Pages speak the reader's language (`use`, called once a request);
the API, logs and what is stored are English, which is the default.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from app.lib.marks import translatable as translatable

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""What a reader may choose, each by its own name. English needs no catalogue: it is what the code says;
`./dev texts --check` holds the others complete."""
ENGLISH = "en"
LINE = translatable("Line %(line)s: %(message)s")
"""Where in a text something is wrong: too short in front for `MARK`, so `of_stored` knows it by itself."""
MOMENT = "%d %B %Y, %H:%M"
"""How sentences write a moment in English."""
OURS = frozenset({"messages", "noun", "channel_label"})
"""Placeholders that hold a word of ours, such as what messages of a channel are called: `of_stored` translates it, too."""
MARK = 8
"""Characters at the beginning of a sentence by which the text it was made of is looked for."""
PLACEHOLDER = re.compile(r"%\(\w+\)s")
LOCALES = Path(__file__).parents[1] / "locales"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def use(language: str) -> None:
    """Texts of this request, from here on, are in this language. An unknown one is English."""
    _language.set(_known(language))


@contextmanager
def using(language: str) -> Iterator[None]:
    """The same for a block."""
    token = _language.set(_known(language))
    try:
        yield
    finally:
        _language.reset(token)


def _known(language: str) -> str:
    return language if language in LANGUAGES else ENGLISH


def language() -> str:
    """The language of this request, as in `LANGUAGES`."""
    return _language.get()


def locale() -> Locale:
    """What Babel needs to write numbers and dates in that language."""
    return _locale(_language.get())


def preferred(accept_language: str) -> str:
    """The first language of an Accept-Language header that there is; English when there is none. RFC 9110, 12.5.4."""
    wanted = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, weight = part.partition(";")
        wanted.append((-_weight(weight), position, tag.strip().lower().partition("-")[0]))
    return next((tag for weight, _, tag in sorted(wanted) if weight < 0 and tag in LANGUAGES), ENGLISH)


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name == "q" else 0.0
    except ValueError:
        return 0.0


def gettext(message: str, /, **values: Any) -> str:
    """A text in the reader's language, its placeholders filled with `values`. The empty text stays empty: it is a catalogue's heading."""
    return message and _filled(_translations(_language.get()).gettext(message), values)


def ngettext(one: str, many: str, number: int, /, **values: Any) -> str:
    """The same for a text that depends on a number, as singular and plural. `number` is a placeholder as well, unless `values` has it."""
    return _filled(_translations(_language.get()).ngettext(one, many, number), {"number": number, **values})


def unfilled_plural(one: str, many: str, number: int, /) -> str:
    """What `ngettext` says, its placeholders left as they are: for templates, where Jinja fills them and escapes what it fills in."""
    return _translations(_language.get()).ngettext(one, many, number)


@functools.cache
def script_texts(language: str) -> dict[str, list[str]]:
    """The texts of scripts in a language, by the English text (a singular): one translation, or one for each form. English needs none."""
    if language == ENGLISH:
        return {}
    entries = catalogue(language)
    listed = json.loads((LOCALES / "scripts.json").read_text(encoding="utf-8"))
    translated = {one: entry.string for one in listed if (entry := entries.get(one)) and entry.string}
    return {one: [text] if isinstance(text, str) else list(text) for one, text in translated.items()}


def countable(noun: str, many: str = "") -> str:
    """The noun unchanged: marks one of which pages speak by itself and behind a number; `many`: several, the noun with an s when absent."""
    return noun


def translated_choices(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Values and their labels, marked where they are declared, in the reader's language."""
    return [(value, gettext(label)) for value, label in choices]


def of_stored(sentence: str) -> str:
    """A sentence stored in English, as the error of a step, in the reader's language, where the catalogue has the text it was made of."""
    return sentence if _language.get() == ENGLISH or not sentence else _of_stored(_language.get(), sentence)


@functools.lru_cache(4096)
def _of_stored(language: str, sentence: str) -> str:
    text = _translations(language).gettext(sentence)
    if text != sentence:
        return text
    head, colon, message = sentence.partition(": ")
    if colon and head.startswith("Line ") and head[5:].isdecimal():
        line = {"line": head[5:], "message": _of_stored(language, message)}
        return _filled(_translations(language).gettext(LINE), line)
    for form in _forms(language).get(sentence[:MARK], ()):
        if (values := form.values_of(sentence)) is not None:
            filled = form.translated(language, values)
            return _filled(_translations(language).gettext(form.message), filled)
    for form in _endings(language).get(sentence[-MARK:], ()):
        if (values := form.values_of(sentence)) is not None:
            filled = form.translated(language, values)
            begins, shown = next(iter(values.values())), next(iter(filled.values()))
            if begins != shown or _is_name(begins):
                return _filled(_translations(language).gettext(form.message), filled)
    return sentence


def _is_name(value: str) -> bool:
    """One word, or words in quotes: what may begin a sentence of ours. Others are likely to be a server's own sentence."""
    return " " not in value or value.find("”") == len(value) - 1


def _of_value(language: str, value: str, *, is_reason: bool = False) -> str:
    """A sentence inside another one, as a reason, in the language; a value that stands in quotes, in those of the language.

    A phrase too, in small letters: what is of another kind is `not a number`. And a moment, which sentences have with its month's name.
    """
    if " " in value and (is_reason or value.endswith(".")):
        return _of_stored(language, value)
    if " " in value and value[0].islower():
        return _translations(language).gettext(value)
    if "," in value and value.replace(",", "").replace(".", "", 1).isdecimal():  # a number with English separators
        symbols = _locale(language).number_symbols["latn"]
        return value.translate({ord(","): symbols["group"], ord("."): symbols["decimal"]})
    if value[:1].isdecimal() and (moment := _moment_in(value)) is not None:
        return long_moment(moment)
    quoted = len(value) > 1 and value.startswith("“") and value.find("”") == len(value) - 1
    return _translations(language).gettext("“%(text)s”") % {"text": value[1:-1]} if quoted else value


class _Form(NamedTuple):
    """A text with placeholders, to see whether a sentence was made of it. `literals` stand around those called `names`."""

    message: str
    literals: tuple[str, ...]
    names: tuple[str, ...]

    def values_of(self, sentence: str) -> dict[str, str] | None:
        """What stands at the placeholders, each as short as possible; None for another sentence.

        Looks at each character once: sentences hold what people and servers wrote, for which a regular expression takes seconds.
        """
        first, *between, last = self.literals
        if not sentence.startswith(first) or not sentence.endswith(last):
            return None
        values, begin, stop = [], len(first), len(sentence) - len(last)
        for literal in between:
            end = sentence.find(literal, begin + 1, stop)
            if end < 0:
                return None
            values.append(sentence[begin:end])
            begin = end + len(literal)
        return dict(zip(self.names, [*values, sentence[begin:stop]], strict=True)) if begin < stop else None

    def translated(self, language: str, values: Mapping[str, str]) -> dict[str, str]:
        """Those values in the language; what stands behind a colon is a reason."""
        behind = dict(zip(self.names, self.literals, strict=False))
        return {
            name: _translations(language).gettext(value)
            if name in OURS
            else _of_value(language, value, is_reason=behind[name].endswith(": "))
            for name, value in values.items()
        }


def _longest_first(language: str) -> list[str]:
    """Its texts, those first that say most beside what is filled in."""
    texts = (one.id for one in catalogue(language) if isinstance(one.id, str))
    return sorted(texts, key=lambda text: len(PLACEHOLDER.sub("", text)), reverse=True)


@functools.cache
def _forms(language: str) -> dict[str, list[_Form]]:
    """Texts with placeholders, by their first characters, the longest first: that says most of what it fits."""
    forms = dict[str, list[_Form]]()
    for message in _longest_first(language):
        if "%(" in message[MARK:] and "%(" not in message[:MARK]:
            parts = re.split(r"%\((\w+)\)s", message.replace("%%", "%"))
            literals, names = tuple(parts[::2]), tuple(parts[1::2])
            if len(set(names)) == len(names) and all(literals[:-1]):
                forms.setdefault(message[:MARK], []).append(_Form(message, literals, names))
    return forms


@functools.cache
def _endings(language: str) -> dict[str, list[_Form]]:
    """Texts that begin with a placeholder, by their last characters, the longest first."""
    forms = dict[str, list[_Form]]()
    for message in _longest_first(language):
        if message.startswith("%(") and "%(" not in message[-MARK:]:
            parts = re.split(r"%\((\w+)\)s", message.replace("%%", "%"))
            literals, names = tuple(parts[::2]), tuple(parts[1::2])
            if len(set(names)) == len(names) and all(literals[1:]) and len(literals[-1]) >= MARK:
                forms.setdefault(literals[-1][-MARK:], []).append(_Form(message, literals, names))
    return forms


def long_moment(at: datetime) -> str:
    """`30 November 2026, 09:00`, in the reader's language, on the clock that it was written by."""
    return f"{long_day(at)}, {at:%H:%M}"


def long_day(at: date) -> str:
    """`30 November 2026`, in the reader's language."""
    return f"{at.day} {at:%B %Y}" if _language.get() == ENGLISH else format_date(at, "long", locale=locale())


def _moment_in(value: str) -> datetime | None:
    try:
        return datetime.strptime(value, MOMENT)
    except ValueError:
        return None


def _filled(text: str, values: Mapping[str, Any]) -> str:
    return text % values if values else text


@functools.cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


def catalogue(name: str) -> Catalog:
    """The catalogue of a language as it is on disk: all files of its folder together."""
    together = Catalog(locale=name, charset="utf-8")
    for path in sorted((LOCALES / name).glob("*.po")):
        with path.open("rb") as file:
            for one in read_po(file, locale=name):
                if one.id:
                    together[one.id] = one
    return together


@functools.cache
def _translations(name: str) -> NullTranslations:
    """Read when somebody first reads this language, and kept: some hundred KB. What is fuzzy counts as not translated."""
    if name == ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(name))
    compiled.seek(0)
    return Translations(compiled)
