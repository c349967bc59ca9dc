"""Placeholders in the values of a config, as cards and drawings tell them."""

from __future__ import annotations

import re
from typing import Any

from app.flow.paths import label_of
from app.lib.formats import readable

_PLACEHOLDER = re.compile(r"\{\{-?\s*([^\s|}]+)[^}]*\}\}")
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)


def in_words(value: Any, empty: str = "…") -> str:
    """A value in one line, its placeholders by the names of what they read: `Hi {{ contact.name }}` is `Hi name`."""
    text = _PLACEHOLDER.sub(lambda placeholder: label_of(placeholder[1]), readable(value, empty))
    return " ".join(_TAG.sub("…", text).split()) or empty
