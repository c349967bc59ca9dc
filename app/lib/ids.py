"""Time-ordered ids, made in the app so that rows land in order and PostgreSQL 15 to 18 behave alike."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils


def uuid7() -> UUID:
    """A UUIDv7, sortable by the millisecond it was made in."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def uuid7_many(count: int) -> list[bytes]:
    """`count` UUIDv7 as 16 raw bytes each, increasing; one system call for all of them."""
    random, base = os.urandom(8 * count), int.from_bytes(os.urandom(1), "big")
    millisecond = time.time_ns() // 1_000_000
    ids = []
    for number in range(count):
        sequence = base + number
        head = (millisecond + (sequence >> 12)).to_bytes(6, "big") + (0x7000 | sequence & 0xFFF).to_bytes(2, "big")
        tail = random[8 * number : 8 * number + 8]
        ids.append(head + bytes((tail[0] & 0x3F | 0x80,)) + tail[1:])
    return ids


def first_uuid7_of(at: datetime) -> UUID:
    """The smallest UUIDv7 of the millisecond `at`: ids below it were made before."""
    millisecond = max(0, int(at.timestamp() * 1000))
    return UUID(int=millisecond << 80 | 0x7 << 76 | 0b10 << 62)


def oldest_since(at: datetime) -> UUID:
    """What no row is below that came in when, or after, something happened at `at`: months before it need not be looked at.

    Ids follow the real clock, whatever time tests set; what happens is said to be at most a moment ahead of it. A day is left between.
    """
    real = datetime.fromtimestamp(time.time(), UTC)
    return first_uuid7_of(min(at, real) - timedelta(days=1))
