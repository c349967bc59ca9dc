"""What the scheduler does for retention every few minutes: delete in small transactions, for a bounded time; the next round goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.retention import months, repository
from app.retention.rules import FOREVER, REFUSALS_KEPT, RULES, chosen

log = structlog.get_logger()
SECONDS = 30.0
"""One round; with 5,000 rows a transaction it deletes about a million, more than five minutes bring."""

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
            deletions.append(_old(rule.name, tenant_id, now - timedelta(days=days[rule.name])))
        if rule.most is not None:
            deletions.append(_surplus(tenant_id, rule.most))
    deletions.append(lambda session: repository.delete_refusals(session, tenant_id, now - REFUSALS_KEPT))
    return deletions


def _old(kind: str, tenant_id: int, before: datetime) -> Delete:
    return lambda session: repository.delete_old(session, kind, tenant_id, before)


def _surplus(tenant_id: int, most: int) -> Delete:
    return lambda session: repository.delete_surplus(session, tenant_id, most)


async def make_months() -> None:
    """Have the months that are needed soon ready."""

    def make() -> None:
        with database.connect("months", DatabaseRole.OWNER) as connection:
            if names := months.ensure_months(connection):
                log.info("months.made", tables=names)

    await asyncio.to_thread(make)


HOUSEKEEPING = [make_months, apply_retention]
"""What the scheduler calls every few minutes."""
