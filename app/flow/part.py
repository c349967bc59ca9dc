"""What all parts of the flow document have in common: camelCase, immutable, and no field that nobody knows."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from msgspec import UNSET


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A piece of the document; unknown fields are refused so that a typing error is noticed."""


@functools.cache
def _optional(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.default is UNSET)


def without_nulls(part: Any) -> Any:
    """The same part with `null` for an optional field read as "not there"."""
    nulls = {name: UNSET for name in _optional(part.__class__) if getattr(part, name) is None}
    return msgspec.structs.replace(part, **nulls) if nulls else part
