"""What all parts of the flow document have in common: camelCase, immutable, unknown fields refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A piece of the document; unknown fields are refused so that a typing error is noticed."""


@functools.cache
def _optional(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Names of the fields that may be left out, and what reads them all at once."""
    names = tuple(field.name for field in msgspec.structs.fields(kind) if field.default is UNSET)
    return names, _readers(names)


def _readers(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda part: tuple(getattr(part, name) for name in names)


def without_nulls(part: Any) -> Any:
    """The same part with `null` for an optional field read as "not there"."""
    names, values = _optional(part.__class__)
    nulls = {name: UNSET for name, value in zip(names, values(part), strict=True) if value is None}
    return msgspec.structs.replace(part, **nulls) if nulls else part
