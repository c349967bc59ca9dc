"""SQL of audiences: who belongs to one, a piece after another in order of the contacts' ids."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.audience import Audience
from app.lib.database import execute

NOBODY = UUID(int=0)
_SEGMENT = "select number from segments where tenant_id = %(tenant)s and id = %(segment)s and deleted_at is null"
_MEMBERS = """
select contact_id as id from segment_members
where tenant_id = %(tenant)s and segment = %(number)s and contact_id > %(reached)s order by contact_id limit %(limit)s
"""
_CONTACTS = "select id from contacts where tenant_id = %(tenant)s and id > %(reached)s order by id limit %(limit)s"
_MEMBER_COUNT = """
select coalesce(sum(entered - departed), 0)::bigint from segment_days where tenant_id = %(tenant)s and segment = %(number)s
"""


class SegmentGone(Exception):
    """The segment of an audience was deleted."""


async def piece(
    session: AsyncSession, tenant_id: int, audience: Audience, reached: UUID | None, limit: int
) -> Sequence[UUID]:
    """Up to `limit` contacts behind `reached`, in order. Raises SegmentGone."""
    number = await _number(session, tenant_id, audience)
    rows = await execute(
        session,
        _CONTACTS if number is None else _MEMBERS,
        tenant=tenant_id,
        number=number,
        reached=reached or NOBODY,
        limit=limit,
    )
    return [row.id for row in rows]


async def size(session: AsyncSession, tenant_id: int, audience: Audience) -> int | None:
    """How many belong to it now; None where that is not known without counting everybody. Raises SegmentGone."""
    number = await _number(session, tenant_id, audience)
    if number is None:
        return None
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
    return int(rows[0].number)
