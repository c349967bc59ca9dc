"""What a page says, and which of its words stand there in English although the reader has another language."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from app.lib import translation

WORDS_OF_PAGE = """() => {
    const code = 'script, style, template, noscript, code, pre, kbd, textarea, svg, .cm-editor, .json';
    const apart = `${code}, [dir=auto], bdi, [lang=en], [translate=no]`;
    const texts = new Set();
    const add = (text) => {
        const plain = text.replace(/\\s+/g, ' ').trim();
        if (/[A-Za-z]{2}/.test(plain) && !plain.includes('{{')) texts.add(plain);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(`${apart}, option`)) add(walker.currentNode.data);
    for (const name of ['title', 'aria-label', 'placeholder', 'alt'])
        for (const one of document.querySelectorAll(`[${name}]`)) if (!one.closest(apart)) add(one.getAttribute(name));
    return [...texts];
}"""
"""Texts and labels of a page of Playwright, but for what people wrote (`dir=auto`), code, and what is English in every language."""
_FUNCTION_WORDS = frozenset(
    (
        *(
            "the",
            "and",
            "of",
            "with",
            "is",
            "are",
            "by",
            "from",
            "every",
            "for",
            "to",
            "not",
            "this",
            "that",
            "which",
        ),
        *("when", "where", "has", "have", "nothing", "nobody", "yet", "here"),
    )
)
"""Words that English sentences cannot do without, and German ones do not have."""
_MARKUP = re.compile(r"%\((\w+)\)s")


def _strings(text: Any) -> list[str]:
    """A text of a catalogue: one, or a singular and a plural."""
    return [text] if isinstance(text, str) else [*(text or ())]


@functools.cache
def _differing(language: str) -> dict[str, str]:
    """English texts without placeholders that are others in the language, and those. What also is a word of the language is left out."""
    entries = [one for one in translation.catalogue(language) if one.id]
    own = {text for one in entries for text in _strings(one.string)}
    plain = {one.id: str(one.string) for one in entries if isinstance(one.id, str) and "%(" not in one.id}
    return {text: other for text, other in plain.items() if text != other and text not in own}


@functools.cache
def _forms(language: str) -> list[re.Pattern[str]]:
    """The same of texts with placeholders, as patterns; those without a word of four letters fit too much."""
    patterns = []
    for one in translation.catalogue(language):
        pairs = zip(_strings(one.id), _strings(one.string), strict=False)
        for text, other in pairs:
            literals = _MARKUP.sub(" ", str(text))
            words = set(re.findall(r"[A-Za-z]{4,}", literals)) - set(re.findall(r"\\w+", str(other)))
            if "%(" in str(text) and words and not words & set(re.findall(r"[A-Za-z]+", str(other))):
                parts = [re.escape(part) for part in _MARKUP.split(str(text).replace("%%", "%"))[::2]]
                patterns.append(re.compile(".+?".join(parts)))
    return patterns


def english_left(texts: Iterable[str], language: str = "de") -> list[str]:
    """Those of the texts of a page that are English: texts of the catalogue, and sentences with English words."""
    plain = _differing(language)
    return sorted(
        text
        for text in set(texts)
        if text in plain
        or _FUNCTION_WORDS & set(re.findall(r"\b[a-z]+\b", text))
        or any(form.fullmatch(text) for form in _forms(language))
    )


def words_of(page: Any) -> list[str]:
    """The texts of an opened page of Playwright."""
    texts: list[str] = page.evaluate(WORDS_OF_PAGE)
    return texts
