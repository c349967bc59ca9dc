"""What is left of deleted segments goes in pieces, and the days of all are folded to one row each; nobody else's rows are touched."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Segment, SegmentDay, SegmentMember, Workspace
from app.segments import cleaning_repository


async def segment(
    session: AsyncSession, workspace: Workspace, number: int, *, members: int, deleted_ago: float | None
) -> None:
    """`deleted_ago`: minutes."""
    deleted_at = None if deleted_ago is None else clock.now() - timedelta(minutes=deleted_ago)
    row = Segment(
        id=uuid7(), tenant_id=workspace.id, number=number, name=f"S{number}", kind="static", deleted_at=deleted_at
    )
    session.add(row)
    for _ in range(members):
        key = {"tenant_id": workspace.id, "segment": number, "contact_id": uuid7()}
        session.add(SegmentMember(**key, since=clock.now()))
    day = {"tenant_id": workspace.id, "segment": number, "day": clock.now().date(), "shard": 0}
    session.add(SegmentDay(**day, entered=members, departed=0))
    await session.flush()


async def rows(session: AsyncSession, model: Any) -> dict[tuple[int, int], int]:
    column = model.number if model is Segment else model.segment
    counted = await session.execute(select(model.tenant_id, column, text("count(*)")).group_by(model.tenant_id, column))
    return {(tenant, number): n for tenant, number, n in counted}


async def test_a_deleted_segment_goes_in_pieces_and_no_other(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await segment(db_session, workspace, 1, members=5, deleted_ago=10)
    await segment(db_session, workspace, 2, members=3, deleted_ago=None)
    await segment(db_session, workspace, 3, members=2, deleted_ago=1)
    await segment(db_session, other_workspace, 1, members=4, deleted_ago=None)
    left, mine, other = [], workspace.id, other_workspace.id
    while removed := await cleaning_repository.forget_deleted(db_session, 2):
        left.append(removed)
        assert (mine, 1) in await rows(db_session, Segment), "its row goes last, so a crash leaves nothing nobody finds"
    assert left == [2, 2, 1]
    stays = {(mine, 2): 3, (mine, 3): 2, (other, 1): 4}
    assert await rows(db_session, SegmentMember) == stays
    assert await rows(db_session, SegmentDay) == dict.fromkeys(stays, 1)
    assert await rows(db_session, Segment) == dict.fromkeys(stays, 1)
    assert await cleaning_repository.forget_deleted(db_session, 2) == 0


@pytest.mark.parametrize("ago", [0, 1, 2, 40])
async def test_days_that_are_over_are_folded_and_sums_stay(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, ago: int
) -> None:
    day: date = clock.now().date() - timedelta(days=ago)
    for tenant in (workspace.id, other_workspace.id):
        for shard in (0, 1, 2):
            db_session.add(
                SegmentDay(tenant_id=tenant, segment=1, day=day, shard=shard, entered=10 + shard, departed=shard)
            )
    await db_session.flush()
    for _ in range(2):  # once more changes nothing
        await cleaning_repository.fold_days(db_session)
        sums = await db_session.execute(
            text(
                "select tenant_id, count(*), sum(entered), sum(departed) from segment_days where segment = 1 group by 1 order by 1"
            )
        )
        shards = 3 if ago < 2 else 1
        wanted = [(tenant, shards, 33, 3) for tenant in sorted((workspace.id, other_workspace.id))]
        assert [tuple(map(int, row)) for row in sums] == wanted
