"""The pass of a worker over triggers that ask for rows: some side by side, so that a slow source holds up nobody else's."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import NamedTuple

import psycopg
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.lib import database, polling
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work
from app.lib.translation import gettext, translatable
from app.polls import repository, storing
from app.polls.repository import DuePoll
from app.polls.sources import PollAnswer, PollFailed, PollSources
from app.polls.storing import LostLease
from app.polls.upkeep import read_poll

log = structlog.get_logger()
AT_ONCE = 16
"""Polls of one process that are under way, besides those that stand aside."""
SLOW_S = 2.0
"""Whoever has waited so long for an answer stands aside: another one has its place."""
ASIDE = 32
"""Of those; more keep their places. What each has read of its answer is in memory: most of them little (`AnswerRoom`)."""
MOST_FAILING = 8
"""Polls under way that failed the last time, with those that stand aside: sources that hang do so for seconds, each time."""
LOOK_S = 1.0
REMEMBERED_DAYS = 7
"""So many days of answers without a row, and it is not known any more."""
FORGOTTEN_AT_ONCE = 5_000
_polling = threading.Lock()
FAULT = translatable("This poll stopped on a fault in the program. The log of the worker says more.")


class _UnderWay(NamedTuple):
    """A poll that was asked and has not answered. `began`: seconds of a clock that only goes on."""

    tenant_id: int
    failing: bool
    began: float


async def work(stop: threading.Event = polling.stopping) -> int:
    """Ask what is due until nothing is; how many were asked. What breaks one poll, even the database, ends no other that is under way."""
    tasks: dict[asyncio.Task[None], _UnderWay] = {}
    sources, count, broken = PollSources(), 0, list[BaseException]()
    try:
        async with database.job_engine() as engine:
            while True:
                if not stop.is_set() and not broken:
                    for due in await _take(engine, tasks):
                        task = asyncio.create_task(_poll(engine, sources, due))
                        tasks[task], count = _UnderWay(due.tenant_id, due.failures > 0, time.monotonic()), count + 1
                if not tasks:
                    if broken:
                        raise broken[0]
                    return count
                finished, _ = await asyncio.wait(tasks, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    del tasks[task]
                    if (error := task.exception()) is not None:  # raises when it was cancelled
                        broken.append(error)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sources.close()


async def _take(engine: AsyncEngine, tasks: dict[asyncio.Task[None], _UnderWay]) -> list[DuePoll]:
    """Those that have a place now, of each workspace a few."""
    under_way, slow_since = list(tasks.values()), time.monotonic() - SLOW_S
    aside = min(ASIDE, sum(one.began <= slow_since for one in under_way))
    free = AT_ONCE + aside - len(under_way)
    if free <= 0:
        return []
    counts = Counter(one.tenant_id for one in under_way)
    full = [tenant for tenant, count in counts.items() if count >= repository.MOST_OF_WORKSPACE]
    failing = max(0, MOST_FAILING - sum(one.failing for one in under_way))
    async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
        return await repository.take_due(session, free, full, failing=failing)


async def _poll(engine: AsyncEngine, sources: PollSources, due: DuePoll) -> None:
    """Ask for the rows of one trigger and store them. What fails is written down, and it asks later."""
    poll = read_poll(due.trigger_id, due.trigger)
    if poll is None:
        await _fail(engine, due, gettext("A newer process wrote this trigger, and asks for it."), 60.0)
        return
    try:
        if await storing.busy(engine, due):
            await _fail(
                engine, due, gettext("So many of its starts wait that it asks later."), storing.WAIT_S, counts=False
            )
            return
        # How far the rows reach is asked at the beginning alone, where those that are there start nothing.
        count = not due.primed and poll.first == "new"
        async with sources.room.share() as share:
            answer: PollAnswer = await sources.ask(due.tenant_id, poll, due.cursor, count=count, grown=share.grown)
            await storing.store(engine, due, poll, answer)
    except LostLease:
        log.info("poll.lost", workflow_id=str(due.workflow_id), trigger=due.trigger_id)
    except PollFailed as error:
        await _fail(engine, due, str(error), max(poll.pause_s(due.failures), error.wait_s or 0.0))
    except (psycopg.OperationalError, OperationalError):
        raise  # the database is away: the lease ends by itself
    except Exception as error:
        log.error("poll.broke", workflow_id=str(due.workflow_id), trigger=due.trigger_id, exc_info=error)
        await _fail(engine, due, FAULT, poll.pause_s(due.failures))


async def _fail(engine: AsyncEngine, due: DuePoll, error: str, wait_s: float, *, counts: bool = True) -> None:
    log.warning(
        "poll.failed" if counts else "poll.waits",
        tenant_id=due.tenant_id,
        workflow_id=str(due.workflow_id),
        trigger=due.trigger_id,
    )
    async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
        await repository.fail(session, due, error, wait_s, counts=counts)


def poll_sources() -> None:
    """Is something due? Asked each second by a thread of its own. One pass at a time in a process."""
    if not _polling.acquire(blocking=False):
        return
    try:
        look_and_work(repository.ANY_DUE, work)
    finally:
        _polling.release()


async def forget_polled_rows() -> None:
    """Rows that the answers of a week have not had are not known any more: their cursors are behind them."""
    removed = 1
    while removed:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            removed = await repository.forget_rows(session, REMEMBERED_DAYS, FORGOTTEN_AT_ONCE)


POLLS = [poll_sources]
HOUSEKEEPING = [forget_polled_rows]
