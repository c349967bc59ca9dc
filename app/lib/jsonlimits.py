"""Limits on JSON that clients send and that is stored as jsonb: its size, its depth, and what PostgreSQL cannot hold."""

from __future__ import annotations

from typing import Any

import msgspec

from app.lib.translation import gettext

encode = msgspec.json.Encoder(decimal_format="number").encode
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}:"'))


class Unstorable(ValueError):
    """This JSON cannot be stored; the message says why."""


def storable(value: Any, *, max_bytes: int = 32_768, max_depth: int = 10) -> str:
    """`value` as JSON text for a jsonb parameter. Raises Unstorable above a limit or when a text holds U+0000."""
    return storable_bytes(value, max_bytes=max_bytes, max_depth=max_depth).decode()


def storable_bytes(value: Any, *, max_bytes: int = 32_768, max_depth: int = 10) -> bytes:
    """The same in UTF-8."""
    try:
        data = encode(value)
    except (RecursionError, ValueError) as error:
        raise Unstorable(gettext("This is nested too deeply.")) from error
    if len(data) > max_bytes:
        raise Unstorable(
            gettext(
                "This is %(data)s bytes of JSON; at most %(max_bytes)s are stored.",
                data=f"{len(data):,}",
                max_bytes=f"{max_bytes:,}",
            )
        )
    # Counting brackets is cheaper than following them, and nearly always enough.
    if data.count(b"{") + data.count(b"[") > max_depth and structure_of(data, max_depth)[0] > max_depth:
        raise Unstorable(gettext("This is nested more than %(max_depth)s levels deep.", max_depth=max_depth))
    if b"\\u0000" in data and _has_nul(value):
        raise Unstorable(gettext("A text here holds the character U+0000, which cannot be stored."))
    return data


def structure_of(text: bytes, most: int) -> tuple[int, int]:
    """How deep arrays and objects of JSON nest, counted as far as `most` + 1, and how many members are written in objects.

    Brackets and colons inside strings do not count. The text need not be well-formed.
    """
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    outside = b"".join(bare.split(b'"')[::2])
    depth = deepest = 0
    for byte in outside.translate(None, b":"):
        depth += 1 if byte in b"[{" else -1
        if depth > deepest:
            deepest = depth
            if deepest > most:
                break
    return deepest, outside.count(b":")


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
