"""Numbers of the whole installation, cheap enough to be asked every few seconds: indexes, counters and small tables only."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import wakes
from app.counters.message_counters import PREFIX
from app.domain_events.sink_repository import sinks_standing
from app.engine.inbox_lanes import HEADS
from app.lib.database import execute
from app.lib.months import Month
from app.messaging.queue import OLDEST_DUE
from app.retention import month_repository
from app.retention.statistics_repository import STATISTICS, Statistics, statistics_of

DEEPEST = 100_000
"""Queues are counted up to here; beyond it the number no longer matters and counting would cost."""

WITHOUT_CONNECTOR = """
select count(*) from workspaces w
where exists (select from messages m where m.tenant_id = w.id and m.connector_id is null and m.status = 0 and m.due_at is null
    and m.reason = 'no_connector'
    and not exists (select from connectors c where c.tenant_id = w.id and c.channel = m.channel and c.is_default))
"""
"""Workspaces with mail that waits and no connector for it: one look into an index for each workspace without one."""

_TROUBLED = f"""
select count(*) as troubled, extract(epoch from clock_now() - min(state_since)) as age, ({WITHOUT_CONNECTOR}) as without
from connectors where state <> 'ok' and channel <> 0
"""  # noqa: S608  a constant
_QUEUES = f"""
with recursive {HEADS}
select 'inbox' as queue,
       (select count(*) from (select 1 from inbox limit {DEEPEST}) as waiting) as depth,
       coalesce(extract(epoch from clock_now() - (select min(at) from heads)), 0)::float as age
union all
select 'runs_due', count(*), coalesce(extract(epoch from clock_now() - min(resume_at)), 0)
from (select due.resume_at from ({wakes.DUE_WORKFLOWS}) h {wakes.DUE_RUNS.format(late=0, limit=DEEPEST)} limit {DEEPEST}) as due
union all
select 'messages_due', count(*), greatest(coalesce(extract(epoch from clock_now() - ({OLDEST_DUE})), 0), 0)
from (select 1 from messages where due_at <= clock_now() and status = 0 and lease_until is null limit {DEEPEST}) as due
union all
select 'messages_held', count(*), coalesce(extract(epoch from clock_now() - min(created_at)), 0)
from (select created_at from messages where status = 0 and due_at is null limit {DEEPEST}) as held
"""  # noqa: S608  a constant


class Queue(NamedTuple):
    """How much waits, and for how many seconds the oldest of it has."""

    name: str
    depth: int
    age: float


async def queues(session: AsyncSession) -> list[Queue]:
    rows = [Queue(row.queue, int(row.depth), float(row.age)) for row in await session.execute(text(_QUEUES))]
    return rows + [Queue(f"events_{sink.name}", sink.depth, sink.age) for sink in await sinks_standing(session)]


async def unacknowledged(session: AsyncSession) -> dict[str, int]:
    """By bus: how many messages workers have that came in by it."""
    standing = await sinks_standing(session)
    return {sink.name: sink.unacknowledged for sink in standing if sink.unacknowledged is not None}


async def connectors(session: AsyncSession) -> tuple[dict[str, int], int]:
    """How many connectors of channels are in each state, and how many workspaces have mail waiting and no connector for it."""
    rows = await session.execute(text("select state, count(*) as n from connectors where channel <> 0 group by state"))
    states = {"ok": 0, "away": 0, "paused": 0} | {row.state: int(row.n) for row in rows}
    return states, int(await session.scalar(text(WITHOUT_CONNECTOR)) or 0)


async def troubled_connectors(session: AsyncSession) -> Any:
    """(troubled, age, without): connectors that do not work, for how many seconds the longest; workspaces with mail and no connector."""
    return (await session.execute(text(_TROUBLED))).one()


async def schema_version(session: AsyncSession) -> str | None:
    """The migration that the database is at; None before the first."""
    exists = await session.scalar(text("select to_regclass('alembic_version') is not null"))
    version: str | None = await session.scalar(text("select version_num from alembic_version")) if exists else None
    return version


async def ends_of_months(session: AsyncSession) -> list[Month]:
    """Of each table that is kept by month, the first month that is not there."""
    return list(month_repository.ends_of(await execute(session, month_repository.ENDS)).values())


async def statistics_of_months(session: AsyncSession) -> list[Statistics]:
    """What the planner knows of each table that is kept by month."""
    return statistics_of(await execute(session, STATISTICS))


async def message_totals(session: AsyncSession) -> dict[str, int]:
    """Of all workspaces: how many messages are queued, sent, failed, uncertain and suppressed."""
    rows = await session.execute(
        text(
            f"select split_part(key, '.', 2) as word, sum(n) as n from node_stats where starts_with(key, '{PREFIX}')"  # noqa: S608
            " group by 1"
        )
    )
    return {row.word: int(row.n) for row in rows}


async def heartbeats(session: AsyncSession) -> dict[str, tuple[int, float]]:
    """Of each kind of process: how many were heard of in the last 15 s, and how many seconds ago the last one."""
    rows = await session.execute(
        text(
            "select kind, count(*) filter (where at > now() - interval '15 seconds') as alive, "
            "extract(epoch from now() - max(at)) as age from heartbeats group by kind"
        )
    )
    return {row.kind: (int(row.alive), float(row.age)) for row in rows}
