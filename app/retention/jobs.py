"""What the scheduler does for retention every few minutes: whole months leave, then single rows in small transactions, for a bounded
time; the next round goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.lib.ids import first_uuid7_of
from app.retention import entry_repository, leaving, months, repository, statistics_repository
from app.retention.rules import FOREVER, REFUSALS_KEPT, RULES, Rule, chosen

log = structlog.get_logger()
SECONDS = 30.0
"""One round; with 5,000 rows a transaction it deletes about a million, more than five minutes bring."""
LIMITS = {"statement_timeout": 0, "lock_timeout": 60_000}
"""Of the connection by which months leave: it waits for readers of the month, and stands in nobody's way meanwhile."""

Delete = Callable[[AsyncSession], Awaitable[int]]


async def apply_retention() -> int:
    """Delete what is older than its workspace wants. Returns how many rows went."""
    end, total = time.monotonic() + SECONDS, 0
    async with database.transaction(DatabaseRole.ENGINE) as session:
        places = await repository.workspaces(session)
    waiting = [deletion for tenant_id, settings in places for deletion in _deletions(tenant_id, settings)]
    waiting += [repository.delete_heartbeats, repository.delete_mail_counts]
    # In turn, a batch each: the backlog of one workspace does not hold up the others.
    while waiting and time.monotonic() < end:
        again: list[Delete] = []
        for delete in waiting:
            async with database.transaction(DatabaseRole.ENGINE) as session:
                deleted_count = await delete(session)
            total += deleted_count
            if deleted_count:
                again.append(delete)
        waiting = again
    if total:
        log.info("retention.applied", rows=total, more=bool(waiting))
    return total


def _deletions(tenant_id: int, settings: dict[str, Any]) -> list[Delete]:
    now, days = clock.now(), chosen(settings)
    deletions: list[Delete] = []
    for rule in RULES:
        if days[rule.name] != FOREVER:
            deletions.append(_old(rule, tenant_id, days[rule.name], now))
        if rule.most is not None:
            deletions.append(_surplus(tenant_id, rule.most))
    deletions.append(lambda session: repository.delete_refusals(session, tenant_id, now - REFUSALS_KEPT))
    deletions.append(lambda session: repository.delete_hosts(session, tenant_id))
    return deletions


def _old(rule: Rule, tenant_id: int, days: int, now: datetime) -> Delete:
    before = now - timedelta(days=days)
    bound = leaving.bound_of(before, whole_months=rule.whole_months(days))
    match rule.name:
        case "runs":
            return _Runs(tenant_id, bound)
        case "events":
            return _noted(rule, tenant_id, bound, lambda session: repository.delete_events(session, tenant_id, bound))
        case "mailbox":
            return lambda session: repository.delete_mails(session, tenant_id, first_uuid7_of(before))
        case "dead_letters":
            return lambda session: repository.delete_dead_letters(session, tenant_id, before)
        case _:
            return lambda session: repository.delete_imports(session, tenant_id, before)


class _Runs:
    """Removes old runs of a workspace, piece by piece. Those that stay, as a message of theirs is open, are not looked at twice."""

    def __init__(self, tenant_id: int, before: UUID) -> None:
        self.tenant_id, self.before = tenant_id, before
        self.after = UUID(int=0)

    async def __call__(self, session: AsyncSession) -> int:
        while True:
            removed, last = await repository.delete_runs(session, self.tenant_id, self.after, self.before)
            if last is None:
                return 0
            self.after = UUID(int=last.int + 1)
            if removed:
                await repository.note_start(session, self.tenant_id, "runs", leaving.instant_of(self.before))
                return removed


def _noted(rule: Rule, tenant_id: int, bound: UUID, delete: Delete) -> Delete:
    """The deletion, which also says since when there is all."""

    async def delete_and_note(session: AsyncSession) -> int:
        if removed := await delete(session):
            await repository.note_start(session, tenant_id, rule.name, leaving.instant_of(bound))
        return removed

    return delete_and_note


def _surplus(tenant_id: int, most: int) -> Delete:
    return lambda session: repository.delete_surplus(session, tenant_id, most)


async def make_months() -> None:
    """Have the months that are needed soon ready."""

    def make() -> None:
        with database.connect("months", DatabaseRole.OWNER) as connection:
            if names := months.ensure_months(connection):
                log.info("months.made", tables=names)

    await asyncio.to_thread(make)


async def let_months_leave() -> None:
    """Take away whole months that are too old for everybody who has rows of them."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        places = await repository.workspaces(session)
    limits = {rule.name: _limits(rule, places) for rule in RULES if rule.by_month}

    def leave() -> None:
        with database.connect("months", DatabaseRole.OWNER, limits=LIMITS) as connection:
            if names := leaving.leave(connection, limits):
                log.info("months.left", months=names)

    await asyncio.to_thread(leave)


def _limits(rule: Rule, places: Sequence[tuple[int, dict[str, Any]]]) -> dict[int, datetime | None]:
    """By workspace, before when its rows are too old; None: never."""
    now, limits = clock.now(), dict[int, datetime | None]()
    for tenant_id, settings in places:
        days = chosen(settings)[rule.name]
        limits[tenant_id] = None if days == FOREVER else now - timedelta(days=days)
    return limits


async def remember_entries() -> None:
    """Fill in who entered workflows before their policy of re-entry began to ask: the engine reads all runs until that is done."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        unfilled = await entry_repository.unfilled(session)
    for workflow in unfilled:
        for status in entry_repository.STATUSES if workflow.asks else ():
            last: UUID | None = UUID(int=0)
            while last is not None:
                async with database.transaction(DatabaseRole.ENGINE) as session:
                    last = await entry_repository.fill(session, workflow, status, last)
        async with database.transaction(DatabaseRole.ENGINE) as session:
            await entry_repository.settle(session, workflow)


async def gather_statistics() -> None:
    """Have the planner know the tables by month as a whole: once a month, and after much has come or gone."""

    def gather() -> None:
        with database.connect("statistics", DatabaseRole.OWNER, limits=LIMITS) as connection:
            for one in statistics_repository.statistics(connection):
                if one.are_due:
                    statistics_repository.gather(connection, one.table)
                    log.info("statistics.gathered", table=one.table, rows=one.rows_now)

    await asyncio.to_thread(gather)


HOUSEKEEPING = [make_months, let_months_leave, apply_retention, remember_entries, gather_statistics]
"""What the scheduler calls every few minutes. Months first: what leaves as a whole need not be deleted row by row."""
