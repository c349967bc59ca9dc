"""All SQL of imports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.lib.database import execute
from app.models.contact_import import ContactImport, ContactImportError
from app.models.status import ImportStatus
from app.models.tenant_repository import TenantRepository

MAX_ERRORS = 10_000
"""Rows that something is told about are kept for the download up to this; more are only counted."""


WAITING = "select 1 from contact_imports where status in ('queued', 'running') limit 1"
"""Is there an import to run? For a connection without a session."""
_TRY_LOCK = "select pg_try_advisory_lock(hashtext('contact_import'), hashtext(:id))"
_UNLOCK = "select pg_advisory_unlock(hashtext('contact_import'), hashtext(:id))"


class ImportKey(NamedTuple):
    """Which import, for those who work on it without its workspace's session."""

    tenant_id: int
    id: UUID

    @classmethod
    def of(cls, row: ContactImport) -> ImportKey:
        return cls(row.tenant_id, row.id)


class Load(NamedTuple):
    """What a workspace has imported in 24 hours: files not started, imports that run or wait, rows of all that were started."""

    uploaded: int
    under_way: int
    rows: int


class ImportRepository(TenantRepository[ContactImport]):
    """The imports of a workspace. What a worker does to one import is in the functions below."""

    model = ContactImport

    async def load(self) -> Load:
        rows = await execute(
            self.session,
            """select count(*) filter (where status = 'uploaded'), count(*) filter (where status in ('queued', 'running')),
                 coalesce(sum(rows_total) filter (where status <> 'uploaded'), 0)::bigint
               from contact_imports where tenant_id = %(tenant)s
                 and (created_at > clock_now() - interval '24 hours' or status in ('queued', 'running'))""",
            tenant=self.tenant_id,
        )
        return Load(*rows[0])

    async def lock_workspace(self) -> None:
        """Whoever else asks for this waits until the transaction is over."""
        sql = "select id from workspaces where id = %(tenant)s for no key update"
        await execute(self.session, sql, tenant=self.tenant_id)


async def add_piece(session: AsyncSession, key: ImportKey, seq: int, data: bytes) -> None:
    await execute(
        session,
        "insert into contact_import_chunks (tenant_id, import_id, seq, data) values (%(tenant_id)s, %(id)s, %(seq)s, %(data)s)",
        **key._asdict(),
        seq=seq,
        data=data,
    )


async def pieces(session: AsyncSession, key: ImportKey) -> AsyncIterator[bytes]:
    """The bytes of the file, one piece at a time."""
    seq = 0
    while rows := await execute(
        session,
        "select data from contact_import_chunks where tenant_id = %(tenant_id)s and import_id = %(id)s and seq = %(seq)s",
        **key._asdict(),
        seq=seq,
    ):
        yield rows[0].data
        seq += 1


async def first_piece(session: AsyncSession, key: ImportKey) -> bytes:
    """The head of the file; empty when the file is not kept any more."""
    async for piece in pieces(session, key):
        return piece
    return b""


async def drop_pieces(session: AsyncSession, key: ImportKey) -> None:
    await execute(
        session,
        "delete from contact_import_chunks where tenant_id = %(tenant_id)s and import_id = %(id)s",
        **key._asdict(),
    )


@asynccontextmanager
async def held(engine: AsyncEngine, key: ImportKey) -> AsyncIterator[bool]:
    """Hold an import on a connection of its own; yields False when another process holds it. Whoever dies lets go of it."""
    async with engine.connect() as raw:
        guard = await raw.execution_options(isolation_level="AUTOCOMMIT")
        if not await guard.scalar(text(_TRY_LOCK), {"id": str(key.id)}):
            yield False
            return
        try:
            yield True
        finally:
            await guard.execute(text(_UNLOCK), {"id": str(key.id)})


async def waiting(session: AsyncSession) -> list[ImportKey]:
    """Imports that are to run or were running, oldest first."""
    rows = await execute(
        session,
        "select tenant_id, id from contact_imports where status = any(%(status)s) order by id limit 20",
        status=[ImportStatus.QUEUED.value, ImportStatus.RUNNING.value],
    )
    return [ImportKey(row.tenant_id, row.id) for row in rows]


async def lock_progress(session: AsyncSession, key: ImportKey) -> Any | None:
    """Status and counts, locked: only one batch at a time can move an import."""
    rows = await execute(
        session,
        """
        select filename, status, rows_done, failed_count, warned_count, mapping, size
        from contact_imports where tenant_id = %(tenant_id)s and id = %(id)s for update
        """,
        **key._asdict(),
    )
    return rows[0] if rows else None


async def advance(
    session: AsyncSession, key: ImportKey, *, done: int, created: int, updated: int, failed: int, warned: int
) -> None:
    await execute(
        session,
        """
        update contact_imports set rows_done = rows_done + %(done)s, created_count = created_count + %(created)s,
          updated_count = updated_count + %(updated)s, failed_count = failed_count + %(failed)s,
          warned_count = warned_count + %(warned)s,
          rows_total = greatest(rows_total, rows_done + %(done)s), updated_at = clock_now()
        where tenant_id = %(tenant_id)s and id = %(id)s
        """,
        **key._asdict(),
        done=done,
        created=created,
        updated=updated,
        failed=failed,
        warned=warned,
    )


async def set_status(
    session: AsyncSession, key: ImportKey, status: ImportStatus, *, error: str | None = None, total: int | None = None
) -> None:
    await execute(
        session,
        """
        update contact_imports set status = %(status)s, error = coalesce(%(error)s, error),
          rows_total = coalesce(%(total)s, rows_total), updated_at = clock_now()
        where tenant_id = %(tenant_id)s and id = %(id)s
        """,
        **key._asdict(),
        status=status.value,
        error=error,
        total=total,
    )


REPORTS_KEPT = 10_000
"""Rows of one file of which it is kept what was wrong; all of them are counted."""


class Report(msgspec.Struct, frozen=True, order=True):
    """What is told about one row. `imported`: it came in, without the cells that `message` names."""

    line: int
    message: str
    imported: bool
    row: str
    """JSON: `cells` as they stand in the file, `problems` with column, value and reason."""


async def add_reports(session: AsyncSession, key: ImportKey, reports: Sequence[Report]) -> None:
    """Store what is told about rows, of the first REPORTS_KEPT of a file: a file that fits nowhere is not stored a second time."""
    await execute(
        session,
        """
        insert into contact_import_errors (tenant_id, import_id, row_number, message, imported, "row")
        select %(tenant_id)s, %(id)s, number, message, imported, cells::jsonb
        from unnest(%(numbers)b::int[], %(messages)b::text[], %(imported)b::bool[], %(rows)b::text[])
          as t(number, message, imported, cells)
        limit greatest(0, %(kept)s - (
          select count(*) from contact_import_errors where tenant_id = %(tenant_id)s and import_id = %(id)s))
        """,
        kept=REPORTS_KEPT,
        **key._asdict(),
        numbers=[report.line for report in reports],
        messages=[report.message for report in reports],
        imported=[report.imported for report in reports],
        rows=[report.row for report in reports],
    )


async def errors(
    session: AsyncSession, key: ImportKey, after: int = 0, limit: int = 500
) -> Sequence[ContactImportError]:
    """What is told about rows, in the order of the file."""
    query = (
        select(ContactImportError)
        .where(
            ContactImportError.tenant_id == key.tenant_id,
            ContactImportError.import_id == key.id,
            ContactImportError.row_number > after,
        )
        .order_by(ContactImportError.row_number)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def forget_unstarted(session: AsyncSession, before: datetime) -> int:
    """Delete files that were uploaded and never started."""
    rows = await execute(
        session,
        "delete from contact_imports where status = %(status)s and created_at < %(before)s returning id",
        status=ImportStatus.UPLOADED.value,
        before=before,
    )
    return len(rows)
