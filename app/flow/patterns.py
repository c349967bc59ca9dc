"""Patterns of the operator `matches`: RE2, whose time grows with the length of the text and never faster.

Groups that look around and references back to a group are what RE2 has not; everything else is as people know it.
"""

from __future__ import annotations

import functools
from typing import Any

import re2

from app.lib.conversions import as_text
from app.lib.normal_forms import nfc
from app.lib.translation import gettext

MAX_PATTERN = 500
MAX_MEMORY = 1 << 20
"""Bytes that one pattern and its search may take; a pattern that would need more is refused when it is read."""


class BadPattern(ValueError):
    """A text is no pattern; the message says why, for people."""


class Pattern:
    """A pattern that was read."""

    __slots__ = ("_compiled",)

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN:
            raise BadPattern(gettext("A pattern may have at most %(max_pattern)s characters.", max_pattern=MAX_PATTERN))
        options = re2.Options()
        options.case_sensitive, options.log_errors, options.max_mem = False, False, MAX_MEMORY
        try:
            self._compiled = re2.compile(nfc(source.strip()), options)
        except (re2.error, UnicodeError) as error:
            detail = error.args[0] if error.args else ""
            reason = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
            raise BadPattern(gettext("This is not a pattern: %(why)s.", why=reason.rstrip("."))) from error

    def found_in(self, text: str) -> bool:
        """Is it in a text, anywhere in it, whatever the case?"""
        plain = nfc(text.strip())
        return self._compiled.search(plain) is not None


@functools.lru_cache(maxsize=512)
def _read(source: str) -> Pattern:
    return Pattern(source)


def pattern_of(source: Any) -> Pattern:
    """The pattern of a text. Raises BadPattern."""
    return _read(as_text(source) or "")
