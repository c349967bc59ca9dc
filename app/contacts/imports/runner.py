"""The background run of imports. Progress is committed with each batch, so a killed run goes on where it was, exactly.

One run at a time holds an import by an advisory lock, which PostgreSQL frees when the process dies. Correctness does not
rest on it: each batch locks the import's row and goes on only when the rows done are the ones that it knows of.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Generator, Sequence
from typing import IO
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.contacts.imports import csvfile, repository
from app.contacts.imports.plan import BadRow, Plan, RowProblem
from app.contacts.imports.reading import Record
from app.contacts.imports.repository import ImportKey, Report
from app.contacts.imports.schemas import StoredMapping
from app.contacts.imports.storing import PlannedRow, store_rows
from app.errors import AppError
from app.lib import database, jsonlimits
from app.lib.translation import gettext
from app.models.contact_import import ContactImport
from app.models.status import Channel, ImportStatus
from app.segment_member_repository import SegmentMemberRepository
from app.subscriptions import suppression_repository
from app.subscriptions.suppression_repository import Put

log = structlog.get_logger()
BATCH = 1_000
MAX_TRIES = 3
_PASSING = ("40P01", "40001")
"""Deadlock and serialization failure: the same batch again will do."""


async def run_waiting(engine: AsyncEngine, seconds: float) -> bool:
    """Run what is to be run, for about `seconds`; True when the time was up before the end."""
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    deadline = time.monotonic() + seconds
    async with sessions() as session:
        waiting = await repository.waiting(session)
    for key in waiting:
        async with repository.held(engine, key) as is_ours:
            if not is_ours:
                continue
            await ImportRun(sessions, key, deadline).run()
        if time.monotonic() >= deadline:
            async with sessions() as session:
                return bool(await repository.waiting(session))
    return False


class ImportTakenOver(Exception):
    """Somebody else stopped this import or went on with it."""


class ImportRun:
    """One import, from the row where it stands to its end or the deadline."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], key: ImportKey, deadline: float) -> None:
        self.sessions, self.key, self.deadline = sessions, key, deadline
        self.done = 0

    async def run(self) -> None:
        try:
            with tempfile.TemporaryFile() as file:
                stored = await self._begin(file)
                await self._batches(file, stored)
        except ImportTakenOver:
            log.info("import.moved", import_id=str(self.key.id))
        except (DBAPIError, OSError):
            raise  # the database or the disk: the next poll goes on
        except Exception as error:
            log.error("import.failed", import_id=str(self.key.id), error=type(error).__name__, exc_info=error)
            async with database.committed(self.sessions()) as session:
                message = gettext(
                    "The import stopped at an error of ours. What was imported stays; upload the rest again."
                )
                await repository.set_status(session, self.key, ImportStatus.FAILED, error=message)

    async def _begin(self, file: IO[bytes]) -> StoredMapping:
        """Mark it running, and copy the file to disk, where a reader can pull it line by line."""
        async with database.committed(self.sessions()) as session:
            row = await session.get(ContactImport, self.key, with_for_update=True)
            if row is None or row.status not in (ImportStatus.QUEUED.value, ImportStatus.RUNNING.value):
                raise ImportTakenOver
            stored, self.done = StoredMapping.of(row), row.rows_done
            async for piece in repository.pieces(session, self.key):
                file.write(piece)
            if file.tell() != row.size:
                raise AppError(gettext("The stored file is not whole."))
            total: int | None = None
            if row.status == ImportStatus.QUEUED.value:
                total = sum(1 for _ in _records(file, stored))
            await repository.set_status(session, self.key, ImportStatus.RUNNING, total=total)
        return stored

    async def _batches(self, file: IO[bytes], stored: StoredMapping) -> None:
        plan = stored.plan()
        with contextlib.closing(_records(file, stored)) as rows:
            for _ in itertools.islice(rows, self.done):
                pass
            while True:  # one batch at least, or a run that only finds its place would never get on
                batch = list(itertools.islice(rows, BATCH))
                await self._batch(batch, plan, stored)
                if len(batch) < BATCH or time.monotonic() >= self.deadline:
                    return

    async def _batch(self, rows: Sequence[Record], plan: Plan, stored: StoredMapping) -> None:
        for attempt in range(MAX_TRIES):
            try:
                async with database.committed(self.sessions()) as session:
                    await self._store(session, rows, plan, stored)
                self.done += len(rows)
                return
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _PASSING or attempt == MAX_TRIES - 1:
                    raise

    async def _store(self, session: AsyncSession, rows: Sequence[Record], plan: Plan, stored: StoredMapping) -> None:
        at = await repository.lock_progress(session, self.key)
        if at is None or at.status != ImportStatus.RUNNING.value or at.rows_done != self.done:
            raise ImportTakenOver
        refused: list[Report] = []
        good: list[PlannedRow] = []
        for number, record in enumerate(rows):
            row = plan.change(record)
            if isinstance(row, BadRow):
                refused.append(_refused(record, row.message))
            else:
                good.append(PlannedRow(number, record, row))
        created = updated = 0
        warned, suppressed, inside = list[Report](), list[Put](), list[UUID]()
        for planned, outcome in await store_rows(session, self.key.tenant_id, good, emit=stored.emit_events):
            if outcome.refused is not None:
                refused.append(_refused(planned.record, _reason(outcome.refused)))
                continue
            inside += [outcome.contact_id] if outcome.contact_id is not None else []
            if planned.row.problems:
                warned.append(_warned(planned))
            if planned.row.suppress and (email := planned.row.change.email) is not None:
                source = gettext("Imported from %(filename)s.", filename=at.filename)
                suppressed.append(Put(address=email, reason=planned.row.suppress, detail=source))
            created += outcome.created
            updated += bool(outcome.changed) and not outcome.created
        if stored.segment_id is not None:
            await self._put_in(session, stored.segment_id, inside, silently=not stored.emit_events)
        if suppressed:
            await suppression_repository.put(session, self.key.tenant_id, Channel.EMAIL, suppressed)
        room = max(0, repository.MAX_ERRORS - at.failed_count - at.warned_count)
        reports = sorted([*refused, *warned])[:room]
        if reports:
            await repository.add_reports(session, self.key, reports)
        await repository.advance(
            session,
            self.key,
            done=len(rows),
            created=created,
            updated=updated,
            failed=len(refused),
            warned=len(warned),
        )
        if len(rows) < BATCH:
            await repository.set_status(session, self.key, ImportStatus.COMPLETED, total=self.done + len(rows))
            await repository.drop_pieces(session, self.key)

    async def _put_in(
        self, session: AsyncSession, segment_id: UUID, contact_ids: Sequence[UUID], *, silently: bool
    ) -> None:
        members = SegmentMemberRepository(session, self.key.tenant_id)
        await members.enter_static(segment_id, contact_ids, silently=silently)


def _records(file: IO[bytes], stored: StoredMapping) -> Generator[Record, None, None]:
    file.seek(0)
    return csvfile.records(file, stored.format)


def _reason(refused: AppError) -> str:
    messages = " ".join(f"{error['path']}: {error['message']}" for error in refused.errors)
    return messages or refused.message


def _refused(record: Record, message: str) -> Report:
    return Report(record.line, message, False, _row(record, ()))


def _warned(planned: PlannedRow) -> Report:
    problems = planned.row.problems
    return Report(planned.record.line, " ".join(map(str, problems)), True, _row(planned.record, problems))


def _row(record: Record, problems: Sequence[RowProblem]) -> str:
    cells = [cell[:2_000].replace("\0", "") for cell in record.cells[:250]]
    shortened = [msgspec.structs.replace(problem, value=problem.value[:200].replace("\0", "")) for problem in problems]
    return jsonlimits.encode({"cells": cells, "problems": shortened}).decode()
