"""The background run of imports. Progress is committed with each batch, so a killed run goes on where it was, exactly.

One run at a time holds an import by an advisory lock, which PostgreSQL frees when the process dies. Correctness does not
rest on it: each batch locks the import's row and goes on only when the rows done are the ones that it knows of.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.contacts.fields import Change
from app.contacts.imports import csvfile, repository
from app.contacts.imports.columns import Plan
from app.contacts.imports.csvfile import BadRow
from app.contacts.imports.schemas import Stored
from app.contacts.service import AddressTaken
from app.contacts.upserting import Outcome, upsert_many
from app.errors import AppError
from app.lib import jsonlimits
from app.models.contact_import import ContactImport
from app.models.status import ImportStatus

log = structlog.get_logger()
BATCH = 1_000
MAX_TRIES = 3
_TRY_LOCK = text("select pg_try_advisory_lock(hashtext('contact_import'), hashtext(:id))")
_UNLOCK = text("select pg_advisory_unlock(hashtext('contact_import'), hashtext(:id))")
_PASSING = ("40P01", "40001")
"""Deadlock and serialization failure: the same batch again will do."""

Row = list[str] | BadRow


async def run_waiting(engine: AsyncEngine, seconds: float) -> bool:
    """Run what is to be run, for about `seconds`; True when the time was up before the end."""
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    deadline = time.monotonic() + seconds
    async with sessions() as session:
        waiting = await repository.waiting(session)
    for import_id in waiting:
        async with engine.connect() as raw:
            guard = await raw.execution_options(isolation_level="AUTOCOMMIT")
            if not await guard.scalar(_TRY_LOCK, {"id": str(import_id)}):
                continue
            try:
                await Run(sessions, import_id, deadline).run()
            finally:
                await guard.execute(_UNLOCK, {"id": str(import_id)})
        if time.monotonic() >= deadline:
            async with sessions() as session:
                return bool(await repository.waiting(session))
    return False


class Moved(Exception):
    """Somebody else stopped this import or went on with it."""


class Run:
    """One import, from the row where it stands to its end or the deadline."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], import_id: UUID, deadline: float) -> None:
        self.sessions, self.import_id, self.deadline = sessions, import_id, deadline
        self.done = 0

    async def run(self) -> None:
        try:
            with tempfile.TemporaryFile() as file:
                stored = await self._begin(file)
                await self._batches(file, stored)
        except Moved:
            log.info("import.moved", import_id=str(self.import_id))
        except (DBAPIError, OSError):
            raise  # the database or the disk: the next poll goes on
        except Exception as error:
            log.error("import.failed", import_id=str(self.import_id), error=type(error).__name__, exc_info=error)
            async with self.sessions() as session, session.begin():
                told = "The import stopped at an error of ours. What was imported stays; upload the rest again."
                await repository.set_status(session, self.import_id, ImportStatus.FAILED, error=told)

    async def _begin(self, file: IO[bytes]) -> Stored:
        """Mark it running, and copy the file to disk, where a reader can pull it line by line."""
        async with self.sessions() as session, session.begin():
            row = await session.get(ContactImport, self.import_id, with_for_update=True)
            if row is None or row.status not in (ImportStatus.QUEUED.value, ImportStatus.RUNNING.value):
                raise Moved
            stored, self.done = Stored.of(row), row.rows_done
            async for piece in repository.pieces(session, self.import_id):
                file.write(piece)
            if file.tell() != row.size:
                raise AppError("The stored file is not whole.")
            total: int | None = None
            if row.status == ImportStatus.QUEUED.value:
                total = sum(1 for _ in _records(file, stored))
            await repository.set_status(session, self.import_id, ImportStatus.RUNNING, total=total)
        return stored

    async def _batches(self, file: IO[bytes], stored: Stored) -> None:
        rows = _records(file, stored)
        for _ in itertools.islice(rows, self.done):
            pass
        plan = Plan(stored.format.columns, stored.mapping, stored.tags)
        while time.monotonic() < self.deadline:
            batch = list(itertools.islice(rows, BATCH))
            await self._batch(batch, plan, stored)
            if len(batch) < BATCH:
                return

    async def _batch(self, rows: Sequence[Row], plan: Plan, stored: Stored) -> None:
        for attempt in range(MAX_TRIES):
            try:
                async with self.sessions() as session, session.begin():
                    await self._store(session, rows, plan, stored)
                self.done += len(rows)
                return
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _PASSING or attempt == MAX_TRIES - 1:
                    raise

    async def _store(self, session: AsyncSession, rows: Sequence[Row], plan: Plan, stored: Stored) -> None:
        at = await repository.lock_progress(session, self.import_id)
        if at is None or at.status != ImportStatus.RUNNING.value or at.rows_done != self.done:
            raise Moved
        first = self.done + 1 + stored.format.has_header
        bad: list[tuple[int, str, str]] = []
        good: list[tuple[int, Change]] = []
        for number, row in enumerate(rows):
            change = plan.change(row)
            if isinstance(change, BadRow):
                bad.append((first + number, change.message, _cells(row)))
            else:
                good.append((number, change))
        created = updated = 0
        for part in _distinct_parts(good):
            changes = [change for _, change in part]
            outcomes = await _upsert(session, at.tenant_id, changes, emit=stored.emit_events)
            for (number, _), outcome in zip(part, outcomes, strict=True):
                if outcome.refused is not None:
                    bad.append((first + number, _reason(outcome.refused), _cells(rows[number])))
                created += outcome.created
                updated += bool(outcome.changed) and not outcome.created
        room = max(0, repository.MAX_ERRORS - at.failed_count)
        if bad[:room]:
            await repository.add_errors(session, self.import_id, sorted(bad)[:room])
        await repository.advance(
            session, self.import_id, done=len(rows), created=created, updated=updated, failed=len(bad)
        )
        if len(rows) < BATCH:
            await repository.set_status(session, self.import_id, ImportStatus.COMPLETED, total=self.done + len(rows))
            await repository.drop_pieces(session, self.import_id)


def _records(file: IO[bytes], stored: Stored) -> Iterator[Row]:
    file.seek(0)
    return csvfile.records(file, stored.format)


def _distinct_parts(rows: Sequence[tuple[int, Change]]) -> Iterator[list[tuple[int, Change]]]:
    """Cut where a contact comes again, so that its rows are applied one after the other."""
    part: list[tuple[int, Change]] = []
    seen: set[tuple[str, str]] = set()
    for number, change in rows:
        names = {
            (field, value)
            for field, value in (("id", change.external_id), ("email", change.email))
            if value is not None
        }
        if names & seen:
            yield part
            part, seen = [], set()
        part.append((number, change))
        seen |= names
    if part:
        yield part


async def _upsert(session: AsyncSession, tenant_id: int, changes: Sequence[Change], *, emit: bool) -> list[Outcome]:
    """All at once; when an address is taken in the middle of it, one by one, so that only that row is refused."""
    try:
        async with session.begin_nested():
            return await upsert_many(session, tenant_id, changes, via="import", emit=emit)
    except IntegrityError:
        if len(changes) == 1:
            return [Outcome(refused=AddressTaken())]
        return [outcome for change in changes for outcome in await _upsert(session, tenant_id, [change], emit=emit)]


def _reason(refused: AppError) -> str:
    said = " ".join(f"{error['path']}: {error['message']}" for error in refused.errors)
    return said or refused.message


def _cells(row: Row) -> str:
    cells: Any = [] if isinstance(row, BadRow) else [cell[:2_000].replace("\0", "") for cell in row[:250]]
    return jsonlimits.encode(cells).decode()
