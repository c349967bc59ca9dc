"""Marks texts of a config in which nothing is filled in, as names, keys and code.

class TransformConfig(msgspec.Struct):
    expression: Annotated[str, Verbatim("CEL")] = ""

Every other text takes placeholders: `tests/nodes/test_placeholders.py` tries each.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec


@dataclass(frozen=True)
class Verbatim:
    """`why`: what the text is instead, in a word or two."""

    why: str


@functools.cache
def verbatim_fields(config: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a config that are such texts as a whole, by their names in documents."""
    hints = get_type_hints(config, include_extras=True)
    return frozenset(field.encode_name for field in msgspec.structs.fields(config) if _is_verbatim(hints[field.name]))


def _is_verbatim(hint: object) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(note, Verbatim) for note in get_args(hint))
