"""SQL that removes what is left of deleted segments, and folds the days of all."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import shards
from app.lib.database import execute


async def forget_deleted(session: AsyncSession, limit: int) -> int:
    """Delete up to `limit` members of segments that were deleted some minutes ago, and those without any left; how many rows went."""
    rows = await execute(
        session,
        """
        with old as (select tenant_id, number from segments where deleted_at < clock_now() - interval '5 minutes'),
        members as (
          delete from segment_members where (tenant_id, segment, contact_id) in (
            select m.tenant_id, m.segment, m.contact_id from old cross join lateral (
              select tenant_id, segment, contact_id from segment_members
              where tenant_id = old.tenant_id and segment = old.number limit %(limit)s) m limit %(limit)s)
          returning 1)
        select count(*) from members
        """,
        limit=limit,
    )
    gone_members = int(rows[0][0])
    if gone_members:
        return gone_members
    await execute(
        session,
        """
        with old as (select tenant_id, id, number from segments where deleted_at < clock_now() - interval '5 minutes'),
        days as (delete from segment_days d using old where d.tenant_id = old.tenant_id and d.segment = old.number)
        delete from segments s using old where s.tenant_id = old.tenant_id and s.id = old.id
        """,
    )
    return 0


async def fold_days(session: AsyncSession) -> None:
    """Add up the shards of days that nobody counts on any more."""
    await execute(
        session,
        """
        with folded as (
          delete from segment_days where shard <> %(people)s and day < (clock_now() at time zone 'UTC')::date - 1
          returning tenant_id, segment, day, entered, departed)
        insert into segment_days as d (tenant_id, segment, day, shard, entered, departed)
        select tenant_id, segment, day, %(people)s, sum(entered), sum(departed) from folded group by 1, 2, 3 order by 1, 2, 3
        on conflict (tenant_id, segment, day, shard) do update
        set entered = d.entered + excluded.entered, departed = d.departed + excluded.departed
        """,
        people=shards.PEOPLE,
    )
