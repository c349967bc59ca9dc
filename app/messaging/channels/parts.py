"""What a template has and a message says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec


class Parts(msgspec.Struct, frozen=True):
    """The three parts of a mail, as source or rendered, and what templates of other channels have beside them."""

    subject: str
    html: str
    text: str
    content: Mapping[str, Any] = {}
    """By the names of the channel's `Content`; what is absent has its default."""


class LiquidSource(NamedTuple):
    """One text of a template that holds Liquid. `path`: where it stands, as errors name it."""

    path: str
    text: str
    html: bool = False
