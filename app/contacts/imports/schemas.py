"""Imports as programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.contacts.imports.columns import Target
from app.contacts.imports.csvfile import Format
from app.models.contact_import import ContactImport

Mapping = dict[str, str | Target | None]


class Stored(msgspec.Struct, kw_only=True, rename="camel"):
    """What `contact_imports.mapping` holds."""

    format: Format
    sample: list[list[str]] = []
    guess: dict[str, Target] = {}
    mapping: dict[str, Target] = {}
    tags: list[str] = []
    emit_events: bool = True

    @classmethod
    def of(cls, row: ContactImport) -> Stored:
        return msgspec.convert(row.mapping, cls)

    def as_json(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


class ImportOut(msgspec.Struct, kw_only=True, rename="camel"):
    """An import and how far it is. `rowsTotal` is exact once it runs."""

    id: UUID
    filename: str
    status: str
    size: int
    rows_total: int
    rows_done: int
    created_count: int
    updated_count: int
    failed_count: int
    error: str | None
    mapping: dict[str, Target]
    tags: list[str]
    emit_events: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: ContactImport) -> ImportOut:
        stored = Stored.of(row)
        same = {
            name: getattr(row, name) for name in cls.__struct_fields__ if name not in ("mapping", "tags", "emit_events")
        }
        return cls(**same, mapping=stored.mapping, tags=stored.tags, emit_events=stored.emit_events)


class PreviewOut(ImportOut, kw_only=True, rename="camel"):
    """What is in the file. `mapping` is a guess: change it and send it to `…/start`."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, row: ContactImport) -> PreviewOut:
        stored = Stored.of(row)
        base = ImportOut.of(row)
        values = {name: getattr(base, name) for name in base.__struct_fields__}
        return cls(
            **{**values, "mapping": stored.guess},
            encoding=stored.format.encoding,
            delimiter=stored.format.delimiter,
            has_header=stored.format.has_header,
            columns=list(stored.format.columns),
            rows=stored.sample,
        )


class StartIn(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How to import. Without `mapping` the guess of the preview is taken; a column that is not in it is left out.

    `tags` are added to every contact of the file. With `emitEvents: false` no workflow starts and no goal is reached.
    """

    mapping: Mapping | None = None
    tags: list[str] = []
    emit_events: bool = True
