"""Time-ordered ids, made in the app so that rows land in order and PostgreSQL 15 to 18 behave alike."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils

_pack = struct.Struct(">QQ").pack
_AT_A_TIME = 64


def uuid7() -> UUID:
    """A UUIDv7, sortable by the millisecond it was made in."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def uuid7_many(count: int) -> list[bytes]:
    """`count` UUIDv7 as 16 raw bytes each, increasing; one system call for all of them."""
    return _from(_number_of_now(), count)


def uuid7s() -> Iterator[bytes]:
    """The same for who does not know how many it takes: each is made when it is asked for, some at a time."""
    following = 0
    while True:
        first = max(_number_of_now(), following)
        following = first + _AT_A_TIME
        yield from _from(first, _AT_A_TIME)


def _number_of_now() -> int:
    """The millisecond, and twelve bits to count on from."""
    return (time.time_ns() // 1_000_000 << 12) + int.from_bytes(os.urandom(1), "big")


def _from(first: int, count: int) -> list[bytes]:
    tails = struct.unpack(f">{count}Q", os.urandom(8 * count))
    return [
        _pack(number >> 12 << 16 | 0x7000 | number & 0xFFF, tail & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
        for number, tail in zip(range(first, first + count), tails, strict=True)
    ]


def first_uuid7_of(at: datetime, later: timedelta = timedelta()) -> UUID:
    """The smallest UUIDv7 of the millisecond that is `later` than `at` (UTC, if it says no zone): ids below it were made before."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    millisecond = int((aware.timestamp() + later.total_seconds()) * 1000)
    return UUID(int=min(max(0, millisecond), 2**48 - 1) << 80 | 0x7 << 76 | 0b10 << 62)


def uuid7_moment(uuid: UUID) -> datetime:
    """The millisecond in which an id was made."""
    return datetime.fromtimestamp((uuid.int >> 80) / 1_000, UTC)


def oldest_since(at: datetime) -> UUID:
    """What no row is below that came in when, or after, something happened at `at`: months before it need not be looked at.

    Ids follow the real clock, whatever time tests set; what happens is said to be at most a moment ahead of it. A day is left between.
    """
    real = datetime.fromtimestamp(time.time(), UTC)
    return first_uuid7_of(min(at, real) - timedelta(days=1))
