"""Placeholders in the values of a config, as cards and drawings tell them."""

from __future__ import annotations

import re
from typing import Any

from app.flow.field_names import field_name
from app.lib.formats import readable

_PLACEHOLDER = re.compile(r"\{\{-?\s*+([^\s|}]++)[^}]*+(\}\})?")
_TAG = re.compile(r"\{%.*?(?:(%\})|\Z)", re.DOTALL)
"""Both take what is never closed too, as it is: nothing that begins inside it is closed, so looking again costs its length each time."""


def in_words(value: Any, empty: str = "…") -> str:
    """A value in one line, its placeholders by the names of what they read: `Hi {{ contact.name }}` is `Hi name`."""
    text = _PLACEHOLDER.sub(lambda each: field_name(each[1]) if each[2] else each[0], readable(value, empty))
    return " ".join(_TAG.sub(lambda each: "…" if each[1] else each[0], text).split()) or empty
