"""The known name closest to a misspelt one, for "did you mean"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from app.lib.translation import gettext

MAX_LENGTH, MAX_KNOWN = 40, 1_000
"""Longer words are no slips of the finger, and comparing them takes the square of their length."""


def nearest(word: str, known: Iterable[str], cutoff: float = 0.65) -> str | None:
    """The most similar of `known`, None when none is. Case, `_`, `-` and spaces do not count. `cutoff`: 0 to 1, the least similarity."""
    plain: dict[str, str] = {}
    if not word or len(word) > MAX_LENGTH:
        return None
    for name in islice((name for name in known if len(name) <= MAX_LENGTH), MAX_KNOWN):
        plain.setdefault(_plain(name), name)
    matches = get_close_matches(_plain(word), plain, n=1, cutoff=cutoff)
    return plain[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest of `known`, else all of them; empty when there are none."""
    names = list(known)
    if (near := nearest(word, names)) is not None:
        return gettext("Did you mean `%(near)s`?", near=near)
    return gettext("Use one of: %(names)s.", names=", ".join(names)) if names else ""


def _plain(name: str) -> str:
    return re.sub(r"[_\-\s]", "", name).casefold()
