"""The shape of every successful API answer: ``{"success": true, "data": …, "meta": {…}}``."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T], kw_only=True):
    data: T
    success: bool = True
    meta: dict[str, Any] = msgspec.field(default_factory=dict)


def ok(data: T, **meta: Any) -> Envelope[T]:
    """Wrap `data`; keyword arguments become `meta` and must be camelCase JSON already."""
    return Envelope(data=data, meta=meta)
