"""Time-ordered ids, made in the app so that rows land in order and PostgreSQL 15 to 18 behave alike."""

from __future__ import annotations

import os
import struct
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils

_pack = struct.Struct(">QQ").pack


def uuid7() -> UUID:
    """A UUIDv7, sortable by the millisecond it was made in."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def uuid7_many(count: int) -> list[bytes]:
    """`count` UUIDv7 as 16 raw bytes each, increasing; one system call for all of them."""
    tails = struct.unpack(f">{count}Q", os.urandom(8 * count))
    first = (time.time_ns() // 1_000_000 << 12) + int.from_bytes(os.urandom(1), "big")
    return [
        _pack(number >> 12 << 16 | 0x7000 | number & 0xFFF, tail & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
        for number, tail in zip(range(first, first + count), tails, strict=True)
    ]


def first_uuid7_of(at: datetime, later: timedelta = timedelta()) -> UUID:
    """The smallest UUIDv7 of the millisecond that is `later` than `at` (UTC, if it says no zone): ids below it were made before."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    millisecond = int((aware.timestamp() + later.total_seconds()) * 1000)
    return UUID(int=min(max(0, millisecond), 2**48 - 1) << 80 | 0x7 << 76 | 0b10 << 62)


def oldest_since(at: datetime) -> UUID:
    """What no row is below that came in when, or after, something happened at `at`: months before it need not be looked at.

    Ids follow the real clock, whatever time tests set; what happens is said to be at most a moment ahead of it. A day is left between.
    """
    real = datetime.fromtimestamp(time.time(), UTC)
    return first_uuid7_of(min(at, real) - timedelta(days=1))
