"""SQL of audiences: who belongs to one, a piece after another in order of the contacts' ids."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.audience import Audience, RuleReplacement
from app.flow.segment_judge import RuleNames
from app.flow.segment_membership import ADDED, REMOVED
from app.flow.segment_rules import SegmentRule
from app.lib import clock
from app.lib.database import execute
from app.membership.count_repository import CountRepository
from app.membership.rule_repository import RuleSql

NOBODY = UUID(int=0)
LOOKED_AT = 5_000
"""Contacts of which a rule is asked in one statement."""
_SEGMENT = "select number from segments where tenant_id = %(tenant)s and id = %(segment)s and deleted_at is null"
_MEMBERS = """
select contact_id as id from segment_members
where tenant_id = %(tenant)s and segment = %(number)s and contact_id > %(reached)s order by contact_id limit %(limit)s
"""
_CONTACTS = "select id from contacts where tenant_id = %(tenant)s and id > %(reached)s order by id limit %(limit)s"
_MEMBER_COUNT = """
select coalesce(sum(entered - departed), 0)::bigint from segment_days where tenant_id = %(tenant)s and segment = %(number)s
"""


_MOVED_COUNT = """
select count(*) from segment_members m
where m.tenant_id = %(tenant)s and m.segment = %(number)s and m.since <= %(at)s and not exists (
  select from segment_members o where o.tenant_id = m.tenant_id and o.segment = %(other)s and o.contact_id = m.contact_id)
"""


class SegmentGone(Exception):
    """The segment of an audience was deleted."""


class AudiencePiece(NamedTuple):
    """Contacts of an audience whose turn has come, in order of their ids. `reached`: the last that was looked at; `ends`: it was the last
    of all."""

    contact_ids: list[UUID]
    reached: UUID | None
    ends: bool
    left_out: list[UUID] = []
    """Of those looked at: who does not meet the rule."""


async def piece(
    session: AsyncSession, tenant_id: int, audience: Audience, reached: UUID | None, limit: int
) -> AudiencePiece:
    """Up to `limit` contacts behind `reached`, in order. Raises SegmentGone."""
    if audience.moved is not None:
        return await matching_piece(session, tenant_id, audience, None, reached, limit)
    number = await _number(session, tenant_id, audience)
    rows = await execute(
        session,
        _CONTACTS if number is None else _MEMBERS,
        tenant=tenant_id,
        number=number,
        reached=reached or NOBODY,
        limit=limit,
    )
    ids = [row.id for row in rows]
    return AudiencePiece(ids, ids[-1] if ids else None, len(ids) < limit)


async def matching_piece(
    session: AsyncSession,
    tenant_id: int,
    audience: Audience,
    rule: SegmentRule | None,
    reached: UUID | None,
    limit: int,
) -> AudiencePiece:
    """The same of those for whom a rule over fields of contacts holds, or cannot be answered (None: it holds for all); of at most
    LOOKED_AT contacts at once, so that a rule which few meet is no long statement. Raises SegmentGone."""
    number = await _number(session, tenant_id, audience)
    counts = CountRepository(session, tenant_id)
    sql = RuleSql(RuleNames({}, await counts.segment_numbers()), clock.now(), await counts.timezone())
    verdict = "true" if rule is None else sql.verdict(rule)
    moved = "true" if audience.moved is None else _moved_sql(sql, audience.moved, str(audience.segment_id))
    window = _CONTACTS if number is None else _MEMBERS
    rows = await execute(
        session,
        f"""select c.id, coalesce({verdict}, true) as holds, {moved} as moved from ({window}) w
        join contacts c on c.tenant_id = %(tenant)s and c.id = w.id{sql.source()} order by c.id""",  # noqa: S608  compiled
        **sql.parameters,
        tenant=tenant_id,
        number=number,
        reached=reached or NOBODY,
        limit=LOOKED_AT,
    )
    wanted = [row.id for row in rows if row.holds and row.moved]
    cut = len(wanted) > limit
    reached = wanted[limit - 1] if cut else rows[-1].id if rows else None
    left_out = [row.id for row in rows if row.moved and not row.holds and reached is not None and row.id <= reached]
    return AudiencePiece(wanted[:limit], reached, not cut and len(rows) < LOOKED_AT, left_out)


async def size(session: AsyncSession, tenant_id: int, audience: Audience) -> int | None:
    """How many belong to it now; None where that is not known without counting everybody. Raises SegmentGone."""
    number = await _number(session, tenant_id, audience)
    if number is None:
        return None
    if (change := audience.moved) is not None:
        values = {"number": number, "other": change.after if change.left else change.before, "at": change.at}
        return int((await execute(session, _MOVED_COUNT, tenant=tenant_id, **values))[0][0])
    return int((await execute(session, _MEMBER_COUNT, tenant=tenant_id, number=number))[0][0])


async def name(session: AsyncSession, tenant_id: int, audience: Audience) -> str:
    """What people call it: the segment's name, `the workspace` without one."""
    if audience.segment_id is None:
        return "the workspace"
    sql = "select name from segments where tenant_id = %(tenant)s and id = %(segment)s"
    rows = await execute(session, sql, tenant=tenant_id, segment=audience.segment_id)
    return str(rows[0].name) if rows else ""


async def _number(session: AsyncSession, tenant_id: int, audience: Audience) -> int | None:
    if audience.segment_id is None:
        return None
    rows = await execute(session, _SEGMENT, tenant=tenant_id, segment=audience.segment_id)
    if not rows:
        raise SegmentGone
    if audience.moved is not None:
        return audience.moved.before if audience.moved.left else audience.moved.after
    return int(rows[0].number)


def _moved_sql(sql: RuleSql, change: RuleReplacement, segment_id: str) -> str:
    """Has contact `c`, a member of the version that is walked, moved by the change alone? Who has moved since and was told of it starts by
    that move. Who has moved silently since starts by the change, if it was so before: the first of these moves led back.
    """
    other = sql.values.parameter(change.after if change.left else change.before, "int")
    walked = sql.values.parameter(change.before if change.left else change.after, "int")
    at, segment = sql.values.parameter(change.at, "timestamptz"), sql.values.parameter(segment_id, "text")
    added, removed = sql.values.parameter(ADDED, "text"), sql.values.parameter(REMOVED, "text")
    member = "exists (select from segment_members o where o.tenant_id = c.tenant_id and o.contact_id = c.id and o.segment = {}{})"
    since = f" and o.since <= {at}"
    moves = (
        "(select {} from events e where e.tenant_id = c.tenant_id and e.contact_id = c.id and e.occurred_at > "  # noqa: S608  constants
        f"{at} and e.name in ({added}, {removed}) and e.properties ->> 'segmentId' = {segment})"
    )
    first = moves.format("(array_agg(e.name order by e.occurred_at, e.id))[1]")
    silent = moves.format("coalesce(bool_and(e.properties ? 'silent'), true)")
    was = member.format(walked, since)
    if change.left:
        held, led_back = was, f"coalesce({first} = {added}, true)"
    else:
        held, led_back = (
            member.format(walked, ""),
            f"case when {was} then true else coalesce({first} = {removed}, false) end",
        )
    return f"(case when {held} and not {member.format(other, '')} then {led_back} and {silent} else false end)"
