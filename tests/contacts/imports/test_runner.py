"""The background run: many rows in bounded memory, and kill -9 in the middle of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.accounts.principal import Principal
from app.contacts.imports import runner
from app.contacts.imports.repository import ImportKey
from app.contacts.imports.schemas import StartIn
from app.contacts.imports.service import ImportService
from app.lib import database, held_connections
from app.lib.ids import uuid7
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_workspace

ROOT = Path(__file__).parents[3]
MEASURED = """
import asyncio, os, subprocess
from app.contacts import jobs
from app.contacts.imports import runner
sizes, write = [], runner.ImportRun._batch
async def noted(self, *arguments):
    await write(self, *arguments)
    sizes.append(resident())
def resident():
    try:
        return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except FileNotFoundError:
        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())]))
runner.ImportRun._batch = noted
while asyncio.run(jobs._work()):
    pass
print(len(sizes), (sizes[-1] - sizes[len(sizes) // 3]) // 1024)
"""
"""Prints how many batches there were, and by how many MB the process grew over the last two thirds of them.

Not the peak of `getrusage`: that of a child begins with the size of the process that started it.
"""
MOTHER = """
import asyncio, os, sys
from app.contacts import jobs
for _ in sys.stdin:
    child = os.fork()
    if not child:
        while asyncio.run(jobs._work()):
            pass
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""For each line that it reads, a worker that needs no start: prints its process id, and how it ended."""


async def prepared(rows: int, *, start: bool = True, broken_every: int = 0) -> ImportKey:
    """An import of `rows` contacts, ready to run."""

    async def lines() -> AsyncIterator[bytes]:
        yield b"externalId,email,firstName,plan,visits,tags\n"
        for first in range(0, rows, 1_000):
            yield b"".join(
                b"%s,Person %d,%s,%d,list\n"
                % (
                    b",broken" if broken_every and n % broken_every == 0 else b"u%d,person%d@example.com" % (n, n),
                    n,
                    b"pro" if n % 3 else b"free",
                    n % 50,
                )
                for n in range(first, min(first + 1_000, rows))
            )

    async with database.session_maker()() as session:
        workspace = await make_workspace(session, "Acme")
        await held_connections.release_connection(session)
        principal = Principal(kind="key", id=uuid7(), tenant_id=workspace.id, role=Role.MARKETER, name="test")
        service = ImportService(session, principal)
        row = await service.upload("people.csv", lines)
        if start:
            await service.start(row.id, StartIn())
        await session.commit()
        return ImportKey.of(row)


def worker(url: str, code: str) -> subprocess.Popen[str]:
    """A process of its own, as a worker is."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def one(database: CommittedDatabase, sql: str) -> Any:
    with database.connect() as connection:
        return connection.execute(sql).fetchone()


PROGRESS = "select status, rows_done, created_count, updated_count, failed_count from contact_imports"
SUMS = """
select (select count(*) from contacts), (select count(distinct external_id) from contacts),
       (select count(*) from inbox), (select count(*) from contact_import_errors)
"""


async def test_many_rows_in_bounded_memory(committed_database: CommittedDatabase) -> None:
    await prepared(36_000)
    process = worker(committed_database.url, MEASURED)
    out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, err
    assert one(committed_database, PROGRESS) == ("completed", 36_000, 36_000, 0, 0)
    assert one(committed_database, SUMS) == (36_000, 36_000, 36_000, 0)
    batches, grown = map(int, out.split())
    assert batches >= 36
    assert grown < 8, f"the run grew by {grown} MB in 24,000 rows: some 15 MB if it kept them"


async def test_kill_9_in_the_middle_goes_on_exactly(committed_database: CommittedDatabase) -> None:
    await prepared(5_000, broken_every=400)
    kills, mother = 0, worker(committed_database.url, MOTHER)
    assert mother.stdin is not None and mother.stdout is not None
    try:
        while one(committed_database, PROGRESS)[0] != "completed":
            mother.stdin.write("one more\n")
            mother.stdin.flush()
            pid = int(await asyncio.to_thread(mother.stdout.readline))
            ended = asyncio.ensure_future(asyncio.to_thread(mother.stdout.readline))
            wanted = one(committed_database, PROGRESS)[1] + 1_000
            while not ended.done() and not (kills < 3 and one(committed_database, PROGRESS)[1] >= wanted):
                await asyncio.sleep(0.01)
            if not ended.done():
                os.kill(pid, signal.SIGKILL)
            kills += os.waitstatus_to_exitcode(int(await ended)) == -signal.SIGKILL
    finally:
        mother.stdin.close()
        await asyncio.to_thread(mother.wait)
    assert kills >= 2
    assert one(committed_database, PROGRESS) == ("completed", 5_000, 4_987, 0, 13)
    assert one(committed_database, SUMS) == (4_987, 4_987, 4_987, 13)


async def test_two_runs_at_once_do_nothing_twice(committed_database: CommittedDatabase) -> None:
    await prepared(5_000)
    await asyncio.gather(*(runner.run_waiting(database.engine(), 60) for _ in range(3)))
    assert one(committed_database, PROGRESS) == ("completed", 5_000, 5_000, 0, 0)
    assert one(committed_database, SUMS) == (5_000, 5_000, 5_000, 0)


async def test_a_run_that_lost_its_place_stops(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await prepared(3_000)
    sessions = database.session_maker()
    real = runner.ImportRun._batch

    async def raced(self: runner.ImportRun, *arguments: Any) -> None:
        if self.done == 1_000:  # somebody without the lock went on with it meanwhile
            monkeypatch.setattr(runner.ImportRun, "_batch", real)
            await runner.ImportRun(sessions, key, time.monotonic() + 60).run()
        await real(self, *arguments)

    monkeypatch.setattr(runner.ImportRun, "_batch", raced)
    await runner.ImportRun(sessions, key, time.monotonic() + 60).run()
    assert one(committed_database, PROGRESS) == ("completed", 3_000, 3_000, 0, 0)
    assert one(committed_database, SUMS) == (3_000, 3_000, 3_000, 0)


async def test_a_short_deadline_leaves_the_rest_for_later(committed_database: CommittedDatabase) -> None:
    await prepared(2_500)
    assert await runner.run_waiting(database.engine(), 0) is True
    passes = 0
    while await runner.run_waiting(database.engine(), 0.01):
        passes += 1
        assert passes < 2_000
    assert one(committed_database, SUMS) == (2_500, 2_500, 2_500, 0)
