"""Versions of rules that are built, compared with the one that counts, and dropped; what they count gets its number here.

A version is a segment of its own, with a number of its own: a changed rule is built beside the one that counts, so that people see who
would enter and leave before it does. Who changes `segments` calls this in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_rules import Fact, SegmentRule, counted_facts, segment_rule, segments_of, serving
from app.lib import jobs
from app.lib.database import execute

BUILDER = "build_segments"
"""The actor that builds."""
_RAISE = """
insert into workflow_epochs as e (tenant_id, n) values (%(tenant)s, 1) on conflict (tenant_id) do update set n = e.n + 1 returning n
"""
_RULES = """
select v.number, v.rule from segments s cross join lateral (values (s.number, s.rule), (s.next_number, s.next_rule)) as v(number, rule)
join segment_builds b on b.tenant_id = s.tenant_id and b.number = v.number and b.dropped_at is null
where s.tenant_id = %(tenant)s and s.deleted_at is null and v.rule is not null
"""
_DEFINE = """
insert into segment_fact_definitions as d (tenant_id, number, hash, event, match, conditions, keep, epoch)
select %(tenant)s, coalesce(max(number), 0) + 1, %(hash)s, %(event)s, %(match)s, %(conditions)s, %(keep)s, %(epoch)s
from segment_fact_definitions where tenant_id = %(tenant)s
on conflict (tenant_id, hash) do update set epoch = excluded.epoch returning number
"""
_IN_USE = """
select d.number, d.event, d.conditions, d.match, d.keep from segment_fact_definitions d
where d.tenant_id = %(tenant)s and exists (
  select from segment_builds b
  where b.tenant_id = d.tenant_id and b.dropped_at is null and b.number <> %(but)s and d.number = any(b.facts))
"""
_BEGIN = """
insert into segment_builds as b (tenant_id, number, epoch, total, facts)
values (%(tenant)s, %(number)s, %(epoch)s, (select count(*) from contacts where tenant_id = %(tenant)s),
  %(facts)s)
on conflict (tenant_id, number) do update
  set epoch = excluded.epoch, facts = excluded.facts,
      total = excluded.total, done = 0, reached = null, started_at = clock_now(), finished_at = null
"""
_SILENT = "update segment_builds set ready = false where tenant_id = %(tenant)s and number = %(number)s"


class BuildProgress(NamedTuple):
    """How far a version is built: `done` of `total` contacts, as of when it began."""

    done: int
    total: int
    started_at: datetime
    finished_at: datetime | None

    @property
    def share(self) -> float:
        return 1.0 if self.finished_at is not None else min(self.done / self.total, 0.99) if self.total else 0.0


class Comparison(NamedTuple):
    """What a new version would change: how many enter, leave and stay, and the first of those who enter and leave."""

    enter: int
    leave: int
    stay: int
    entering: Sequence[UUID]
    leaving: Sequence[UUID]


async def raise_epoch(session: AsyncSession, tenant_id: int) -> int:
    """Let all workers look at the segments of the workspace again: after a rename, a swap, or when a segment is deleted."""
    rows = await execute(session, _RAISE, tenant=tenant_id)
    return int(rows[0][0])


async def begin_build(
    session: AsyncSession, tenant_id: int, number: int, rule: SegmentRule, *, silent: bool = False
) -> None:
    """Build version `number` for all contacts, or build it again. Its row in `segments` (`rule` or `next_rule`) is written already.

    `silent`: nobody is told of who moves by it until it is built, also where it counted already.
    """
    epoch = await raise_epoch(session, tenant_id)  # others wait here, so two never give one number
    in_use = await _facts_in_use(session, tenant_id, but=number)
    for fact in sorted(counted_facts(rule), key=lambda one: -one.keep):  # what remembers most serves the others
        if not serving([fact], in_use):  # a definition that nobody used was not kept up to date
            in_use[fact.shared] = await _define(session, tenant_id, fact.shared, epoch)
    await _begin(session, tenant_id, number, rule, epoch, in_use)
    if silent:
        await execute(session, _SILENT, tenant=tenant_id, number=number)
    jobs.enqueue(session, BUILDER)


async def _begin(
    session: AsyncSession,
    tenant_id: int,
    number: int,
    rule: SegmentRule,
    epoch: int,
    in_use: Mapping[Fact, int] | None = None,
) -> None:
    stored = await _facts_in_use(session, tenant_id) if in_use is None else in_use
    facts = sorted(set(serving(counted_facts(rule), stored).values()))
    await execute(session, _BEGIN, tenant=tenant_id, number=number, epoch=epoch, facts=facts)


async def _define(session: AsyncSession, tenant_id: int, fact: Fact, epoch: int) -> int:
    values = msgspec.structs.asdict(fact)
    rows = await execute(session, _DEFINE, tenant=tenant_id, hash=fact.hash, epoch=epoch, **values)
    return int(rows[0][0])


async def _facts_in_use(session: AsyncSession, tenant_id: int, *, but: int = 0) -> dict[Fact, int]:
    """What is counted for versions, except for version `but` alone, by number."""
    rows = await execute(session, _IN_USE, tenant=tenant_id, but=but)
    return {Fact(event, conditions, match, keep): number for number, event, conditions, match, keep in rows}


async def build_again(session: AsyncSession, tenant_id: int, segment_id: UUID) -> None:
    """Build the versions that read a segment again, because another version of it counts now: who moves by it is told."""
    epoch: int | None = None
    for number, raw in await execute(session, _RULES, tenant=tenant_id):
        rule = segment_rule(raw)
        if segment_id in segments_of(rule):
            epoch = epoch or await raise_epoch(session, tenant_id)
            await _begin(session, tenant_id, number, rule, epoch)
    if epoch is not None:
        jobs.enqueue(session, BUILDER)


async def progress(session: AsyncSession, tenant_id: int, numbers: Sequence[int]) -> dict[int, BuildProgress]:
    """How far these versions are built."""
    rows = await execute(
        session,
        """select number, done, total, started_at, finished_at from segment_builds
        where tenant_id = %(tenant)s and number = any(%(numbers)s)""",
        tenant=tenant_id,
        numbers=list(numbers),
    )
    return {number: BuildProgress(*values) for number, *values in rows}


async def compare(session: AsyncSession, tenant_id: int, old: int, new: int, limit: int = 10) -> Comparison:
    """What would change if `new` counted instead of `old`. Exact; a version that is not built yet has those that were built."""
    sql = """
    with entering as (
      select n.contact_id from segment_members n where n.tenant_id = %(tenant)s and n.segment = %(new)s and not exists (
        select from segment_members o where o.tenant_id = n.tenant_id and o.segment = %(old)s and o.contact_id = n.contact_id)),
    leaving as (
      select o.contact_id from segment_members o where o.tenant_id = %(tenant)s and o.segment = %(old)s and not exists (
        select from segment_members n where n.tenant_id = o.tenant_id and n.segment = %(new)s and n.contact_id = o.contact_id))
    select (select count(*) from entering), (select count(*) from leaving),
      (select count(*) from segment_members where tenant_id = %(tenant)s and segment = %(old)s),
      array(select contact_id from entering order by 1 limit %(limit)s), array(select contact_id from leaving order by 1 limit %(limit)s)
    """
    ((enter, leave, before, entering, leaving),) = await execute(
        session, sql, tenant=tenant_id, old=old, new=new, limit=limit
    )
    return Comparison(enter, leave, before - leave, entering, leaving)


async def drop(session: AsyncSession, tenant_id: int, number: int) -> None:
    """Nobody asks for a version any more: the old one after a swap, a new one that was given up, all of a deleted segment."""
    await execute(
        session,
        "update segment_builds set dropped_at = clock_now() where tenant_id = %(tenant)s and number = %(number)s",
        tenant=tenant_id,
        number=number,
    )
    await raise_epoch(session, tenant_id)
    jobs.enqueue(session, BUILDER)
