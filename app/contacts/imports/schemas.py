"""Imports as programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from app.contacts.imports import optouts
from app.contacts.imports.cells import DateOrder, DecimalMark, Notation
from app.contacts.imports.columns import Target
from app.contacts.imports.csvfile import Format
from app.contacts.imports.plan import Plan, Rules
from app.models.contact_import import ContactImport

Mapping = dict[str, str | Target | None]


class StoredMapping(msgspec.Struct, kw_only=True, rename="camel"):
    """What `contact_imports.mapping` holds."""

    format: Format
    sample: list[list[str]] = []
    flaws: int = 0
    line_ends: int = 0
    looks: dict[str, optouts.Column] = {}
    opted_out_by_name: bool = False
    guess: dict[str, Target] = {}
    mapping: dict[str, Target] = {}
    notation: Notation = Notation()
    unclear_dates: list[str] = []
    """Columns of dates like 3/4/2025 in a file that never tells the order."""
    acknowledged: list[str] = []
    all_opted_out: bool = False
    tags: list[str] = []
    segment_id: UUID | None = None
    """The static segment that everybody in the file is put into."""
    emit_events: bool = True

    @classmethod
    def of(cls, row: ContactImport) -> StoredMapping:
        return msgspec.convert(row.mapping, cls)

    def plan(self) -> Plan:
        """What turns the rows of the file into changes."""
        rules = Rules(
            tags=self.tags,
            notation=self.notation,
            looks=self.looks,
            acknowledged=frozenset(self.acknowledged),
            all_opted_out=self.all_opted_out,
        )
        return Plan(self.format.columns, self.mapping, rules)

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


class ImportOut(msgspec.Struct, kw_only=True, rename="camel"):
    """An import and how far it is. `rowsTotal` is exact once it runs.

    `rowsDone` is the sum of `createdCount`, `updatedCount`, `unchangedCount` and `failedCount`, the rows that were refused.
    `warnedCount` counts rows that came in without a cell that did not fit.
    """

    id: UUID
    filename: str
    status: str
    size: int
    rows_total: int
    rows_done: int
    created_count: int
    updated_count: int
    unchanged_count: int
    failed_count: int
    warned_count: int
    error: str | None
    mapping: dict[str, Target]
    tags: list[str]
    segment_id: UUID | None
    emit_events: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: ContactImport) -> ImportOut:
        stored = StoredMapping.of(row)
        computed = ("mapping", "tags", "segment_id", "emit_events", "unchanged_count")
        same = {name: getattr(row, name) for name in cls.__struct_fields__ if name not in computed}
        return cls(
            **same,
            unchanged_count=row.rows_done - row.created_count - row.updated_count - row.failed_count,
            mapping=stored.mapping,
            tags=stored.tags,
            segment_id=stored.segment_id,
            emit_events=stored.emit_events,
        )


class OptOutColumn(msgspec.Struct, kw_only=True, rename="camel"):
    """A column that seems to say who may be written to. `sure`: the guess maps it; otherwise you have to say what it is."""

    column: str
    reads: optouts.Reading
    sure: bool
    words: list[str]


class PreviewOut(ImportOut, kw_only=True, rename="camel"):
    """What is in the file. `mapping` is a guess: change it and send it to `…/start`."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: list[str]
    rows: list[list[str]]
    flawed_rows: int
    """Rows of the beginning of the file that are written in a wrong way, such as with a quote that is never closed."""
    decimal_mark: DecimalMark
    date_order: DateOrder | None
    unclear_dates: list[str]
    opt_outs: list[OptOutColumn]
    opted_out_by_name: bool
    """The name of the file says that everybody in it opted out: `…/start` wants to hear it or its denial, `allOptedOut`."""

    @classmethod
    def of(cls, row: ContactImport) -> PreviewOut:
        stored = StoredMapping.of(row)
        base = ImportOut.of(row)
        values = {name: getattr(base, name) for name in base.__struct_fields__}
        return cls(
            **{**values, "mapping": stored.guess},
            encoding=stored.format.encoding,
            delimiter=stored.format.delimiter,
            has_header=stored.format.has_header,
            columns=list(stored.format.columns),
            rows=stored.sample,
            flawed_rows=stored.flaws,
            decimal_mark=stored.notation.decimal_mark,
            date_order=stored.notation.date_order,
            unclear_dates=stored.unclear_dates,
            opt_outs=[
                OptOutColumn(column=name, reads=look.reading, sure=look.sure, words=list(look.words))
                for name, look in stored.looks.items()
            ],
            opted_out_by_name=stored.opted_out_by_name,
        )


class FormatIn(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How to read the file instead. What is left out stays as it was found."""

    encoding: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    has_header: bool | None = None


class StartIn(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How to import. Without `mapping` the guess of the preview is taken; a column that is not in it is left out.

    `tags` are added to every contact of the file, and `segmentId` names a static segment that they are put into.
    With `emitEvents: false` no workflow starts and no goal is reached. Dynamic segments follow all the same, and dates that triggers watch;
    who enters or leaves a segment by it starts nothing.
    `country` (such as `DE`) is that of phone numbers without a country code; without it the workspace's is taken.
    `acknowledgeOptOuts` names columns that look as if they said who opted out, and do not.
    """

    mapping: Mapping | None = None
    tags: list[str] = []
    segment_id: UUID | None = None
    emit_events: bool = True
    country: Annotated[str, msgspec.Meta(max_length=2)] | None = None
    decimal_mark: DecimalMark | None = None
    date_order: DateOrder | None = None
    acknowledge_opt_outs: list[str] = []
    all_opted_out: bool | None = None
