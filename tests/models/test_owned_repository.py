"""A repository whose rows belong to something else than a workspace: those of one run, whose key has several columns."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Step
from app.models.owned_repository import NotOwnRow
from app.models.status import StepStatus
from app.runs.repository import StepRepository
from tests.fixtures.clock import Clock


def step(run_id: UUID | None, seq: int, clock: Clock) -> Step:
    at = clock.at
    return Step(
        run_id=run_id, seq=seq, node_id="tag", status=StepStatus.COMPLETED, started_at=at, completed_at=at, attempt=1
    )


async def test_rows_of_another_owner_are_neither_read_nor_written(db_session: AsyncSession, clock: Clock) -> None:
    mine, theirs = StepRepository(db_session, uuid7()), StepRepository(db_session, uuid7())
    await theirs.add(step(None, 1, clock))
    for seq in (2, 1):
        assert (await mine.add(step(None, seq, clock))).run_id == mine.owner
    assert [row.seq for row in await mine.finished()] == [1, 2]
    assert await mine.count() == 2 and await theirs.count() == 1
    assert await mine.get_one_or_none(Step.run_id == theirs.owner) is None
    for refused in (mine.add(step(theirs.owner, 3, clock)), mine.delete((await theirs.finished())[0])):
        with pytest.raises(NotOwnRow):
            await refused
    assert await mine.delete_where() == 2 and await theirs.exists()
