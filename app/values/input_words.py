"""What a run without a contact began with, in one line for lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.lib.translation import gettext

SHOWN_PROPERTIES = 2


def input_in_words(properties: Mapping[str, Any]) -> str:
    """`order 7, plan pro`: the first plain values by their names; English when there are none."""
    plain = [f"{name} {value}" for name, value in properties.items() if isinstance(value, str | int | float)]
    return ", ".join(plain[:SHOWN_PROPERTIES]) or (gettext("Input only") if properties else gettext("No input"))
