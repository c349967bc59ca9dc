"""Rows for the engine's tables, encoded ahead: by COPY, or by one INSERT from arrays. The fields are those of `app.lib.binary_fields`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from app.lib.binary_fields import ARRAYS as ARRAYS
from app.lib.binary_fields import EPOCH as EPOCH
from app.lib.binary_fields import HEADER as HEADER
from app.lib.binary_fields import NULL as NULL
from app.lib.binary_fields import OIDS as OIDS
from app.lib.binary_fields import TRAILER as TRAILER
from app.lib.binary_fields import UUID_HEAD as UUID_HEAD
from app.lib.binary_fields import Encoded as Encoded
from app.lib.binary_fields import Int2s as Int2s
from app.lib.binary_fields import Int4s as Int4s
from app.lib.binary_fields import Int8s as Int8s
from app.lib.binary_fields import Jsons as Jsons
from app.lib.binary_fields import Stamps as Stamps
from app.lib.binary_fields import Texts as Texts
from app.lib.binary_fields import Uuids as Uuids
from app.lib.binary_fields import decode as decode
from app.lib.binary_fields import decode_exactly as decode_exactly
from app.lib.binary_fields import encode as encode
from app.lib.binary_fields import instant as instant
from app.lib.binary_fields import int2 as int2
from app.lib.binary_fields import int4 as int4
from app.lib.binary_fields import int8 as int8
from app.lib.binary_fields import json as json
from app.lib.binary_fields import microseconds as microseconds
from app.lib.binary_fields import pack as pack
from app.lib.binary_fields import raw_json as raw_json
from app.lib.binary_fields import register as register
from app.lib.binary_fields import stamp as stamp
from app.lib.binary_fields import text as text
from app.lib.binary_fields import uuid as uuid


def copy(cursor: psycopg.Cursor[Any], table: str, columns: str, encoded: Sequence[bytes]) -> None:
    """Send rows (field count and fields; several may stand in one piece) by COPY BINARY."""
    if encoded:
        with cursor.copy(f"copy {table} ({columns}) from stdin (format binary)") as copying:
            copying.write(HEADER + b"".join(encoded) + TRAILER)


def insert(
    cursor: psycopg.Cursor[Any], table: str, columns: str, types: Sequence[str], encoded: Sequence[bytes]
) -> None:
    """The same rows as one INSERT from arrays: for small batches, whose pipeline cannot carry COPY."""
    if not encoded:
        return
    fields: list[list[bytes]] = [[] for _ in types]
    data, at = b"".join(encoded), 0
    while at < len(data):
        at += 2
        for column in fields:
            end = at + 4 + max(int.from_bytes(data[at : at + 4], "big", signed=True), 0)
            column.append(data[at:end])
            at = end
    arguments = [_array(kind, column) for kind, column in zip(types, fields, strict=True)]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    cursor.execute(f"insert into {table} ({columns}) select * from unnest({arrays})", arguments)


def _array(kind: str, column: Sequence[bytes]) -> Encoded:
    if kind == "uuid":
        ids = Uuids(())
        ids.data = pack(">iiiii", 1, 1, OIDS["uuid"], len(column), 1) + b"".join(column)
        return ids
    return ARRAYS[kind](column)
