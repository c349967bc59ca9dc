"""Limits on JSON that clients send and that is stored as jsonb: its size, its depth, and what PostgreSQL cannot hold."""

from __future__ import annotations

from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode


class Unstorable(ValueError):
    """This JSON cannot be stored; the message says why."""


def storable(value: Any, *, max_bytes: int = 32_768, max_depth: int = 10) -> str:
    """`value` as JSON text for a jsonb parameter. Raises Unstorable above a limit or when a text holds U+0000."""
    try:
        data = encode(value)
    except (RecursionError, ValueError) as error:
        raise Unstorable("This is nested too deeply.") from error
    if len(data) > max_bytes:
        raise Unstorable(f"This is {len(data):,} bytes of JSON; at most {max_bytes:,} are stored.")
    # Counting brackets is 50 times cheaper than walking, and nearly always enough.
    if data.count(b"{") + data.count(b"[") > max_depth and _depth(value, max_depth) > max_depth:
        raise Unstorable(f"This is nested more than {max_depth} levels deep.")
    if b"\\u0000" in data and _has_nul(value):
        raise Unstorable("A text here holds the character U+0000, which cannot be stored.")
    return data.decode()


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _depth(value: Any, enough: int) -> int:
    level = [value] if isinstance(value, dict | list | tuple) else []
    depth = 0
    while level and depth <= enough:
        depth += 1
        level = [child for item in level for child in _children(item) if isinstance(child, dict | list | tuple)]
    return depth


def _has_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and "\0" in item:
            return True
        if isinstance(item, dict):
            if any("\0" in str(key) for key in item):
                return True
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return False
