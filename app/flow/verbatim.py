"""Marks texts of a config in which nothing is filled in, as names, keys and code.

class TransformConfig(msgspec.Struct):
    expression: Annotated[str, Verbatim("CEL")] = ""

Every other text takes placeholders: `tests/nodes/test_placeholders.py` tries each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verbatim:
    """`why`: what the text is instead, in a word or two."""

    why: str
