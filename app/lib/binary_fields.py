"""PostgreSQL's binary formats: fields of COPY rows, arrays as parameters. A field and an array element have the same bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any, ClassVar

import msgspec
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

pack = struct.pack
_length, _jsonb_head = struct.Struct(">i").pack, struct.Struct(">ib").pack
NULL = b"\xff\xff\xff\xff"
UUID_HEAD = b"\0\0\0\x10"
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
OIDS = {
    "uuid": 2950,
    "int": 23,
    "smallint": 21,
    "bigint": 20,
    "text": 25,
    "jsonb": 3802,
    "timestamptz": 1184,
    "tid": 27,
}

encode = msgspec.json.Encoder(decimal_format="number").encode
decode = msgspec.json.decode
SURE_DIGITS = 15
"""Any decimal number of so many characters is the same number as a float and back."""


def _exact(text: str) -> float | Decimal:
    number = float(text)
    if len(text) <= SURE_DIGITS:
        return number
    return number if Decimal(repr(number)) == (exact := Decimal(text)) else exact


decode_exactly = msgspec.json.Decoder(float_hook=_exact).decode
"""The same, but numbers that a float would round stay as they are written, as decimals."""


def microseconds(at: datetime) -> int:
    """Microseconds since 2000, as timestamptz stores an instant."""
    return (at - EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    """The other way round."""
    return EPOCH + timedelta(microseconds=at)


def text(value: str | None) -> bytes:
    """Raises ValueError on a zero byte, which PostgreSQL cannot store."""
    if value is None:
        return NULL
    raw = value.encode()
    if b"\0" in raw:
        raise ValueError("text with a zero byte cannot be stored")
    return _length(len(raw)) + raw


def int2(value: int) -> bytes:
    return pack(">ih", 2, value)


def int4(value: int) -> bytes:
    return pack(">ii", 4, value)


def int8(value: int) -> bytes:
    return pack(">iq", 8, value)


def stamp(at: int | None) -> bytes:
    """An instant in microseconds since 2000."""
    return NULL if at is None else pack(">iq", 8, at)


def uuid(value: bytes | None) -> bytes:
    return NULL if value is None else UUID_HEAD + value


def raw_json(value: bytes | None) -> bytes:
    """A jsonb field from JSON text."""
    return NULL if value is None else _jsonb_head(len(value) + 1, 1) + value


def json(value: Any) -> bytes:
    """A jsonb field from a value; None is NULL. Raises TypeError for what is no JSON."""
    return NULL if value is None else raw_json(encode(value))


class Encoded:
    """A parameter that is encoded already; `element` is the OID of an array's elements."""

    __slots__ = ("data",)
    element: ClassVar[int] = 0

    def __init__(self, fields: Sequence[bytes]) -> None:
        self.data = pack(">iiiii", 1, 1, self.element, len(fields), 1) + b"".join(fields)


class Uuids(Encoded):
    """A uuid[] from 16-byte ids; None is NULL."""

    __slots__ = ()
    element = OIDS["uuid"]

    def __init__(self, ids: Sequence[bytes | None]) -> None:
        super().__init__([UUID_HEAD + value if value is not None else NULL for value in ids])


class Tids(Encoded):
    """A tid[] from places of rows as they are read, six bytes each."""

    __slots__ = ()
    element = OIDS["tid"]

    def __init__(self, places: Sequence[bytes]) -> None:
        super().__init__([b"\0\0\0\x06" + place for place in places])


class Texts(Encoded):
    __slots__ = ()
    element = OIDS["text"]


class Int2s(Encoded):
    __slots__ = ()
    element = OIDS["smallint"]


class Int4s(Encoded):
    __slots__ = ()
    element = OIDS["int"]


class Int8s(Encoded):
    __slots__ = ()
    element = OIDS["bigint"]


class Stamps(Encoded):
    __slots__ = ()
    element = OIDS["timestamptz"]


class Jsons(Encoded):
    __slots__ = ()
    element = OIDS["jsonb"]


_int4, _int8 = struct.Struct(">ii").pack, struct.Struct(">iq").pack


def int4s(values: Iterable[int]) -> Int4s:
    """An int[]; in a third of the time that `int4` takes for each."""
    return Int4s(list(map(_int4, repeat(4), values)))


def int8s(values: Iterable[int]) -> Int8s:
    """A bigint[] likewise."""
    return Int8s(list(map(_int8, repeat(8), values)))


ARRAYS: dict[str, type[Encoded]] = {
    "int": Int4s,
    "smallint": Int2s,
    "bigint": Int8s,
    "text": Texts,
    "jsonb": Jsons,
    "timestamptz": Stamps,
}
_ARRAY_OIDS = {Uuids: 2951, Texts: 1009, Int2s: 1005, Int4s: 1007, Int8s: 1016, Stamps: 1185, Jsons: 3807, Tids: 1010}


def register(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Teach a connection to send the encoded parameters above as they are."""
    for kind, oid in _ARRAY_OIDS.items():

        class EncodedDumper(Dumper):
            format = Format.BINARY

            def dump(self, obj: Encoded) -> bytes:
                return obj.data

        EncodedDumper.oid = oid
        connection.adapters.register_dumper(kind, EncodedDumper)
