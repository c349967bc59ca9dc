"""A repository whose rows belong to something else than a workspace, and one whose rows have a key of several columns."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.throttle_repository import FailureRepository
from app.lib.ids import uuid7
from app.models import Step
from app.models.owned_repository import NotOwnRow
from app.models.session import SignInFailure
from app.models.status import StepStatus
from app.runs.repository import StepRepository
from tests.fixtures.clock import Clock


async def test_rows_of_another_owner_are_neither_read_nor_written(db_session: AsyncSession, clock: Clock) -> None:
    mine, theirs = FailureRepository(db_session, "mine"), FailureRepository(db_session, "theirs")
    foreign = await theirs.add(SignInFailure(at=clock.at))
    for _ in range(2):
        assert (await mine.add(SignInFailure(at=clock.at))).key == mine.owner
    assert await mine.count() == 2 and await theirs.count() == 1
    assert await mine.get_one_or_none(SignInFailure.key == theirs.owner) is None
    for refused in (mine.add(SignInFailure(key=theirs.owner, at=clock.at)), mine.delete(foreign)):
        with pytest.raises(NotOwnRow):
            await refused
    assert await mine.delete_where() == 2 and await theirs.exists()


async def test_a_run_of_another_workspace_has_no_steps(db_session: AsyncSession, clock: Clock) -> None:
    """Two workspaces may hold the same id: what reads by it names the workspace."""
    mine, theirs, run_id = StepRepository(db_session, 1), StepRepository(db_session, 2), uuid7()

    def step(seq: int, of: UUID = run_id) -> Step:
        at = clock.at
        return Step(run_id=of, seq=seq, node_id="tag", status=StepStatus.COMPLETED, started_at=at, completed_at=at)

    await theirs.add(step(1))
    await theirs.add(step(3))
    for seq in (2, 1):
        assert (await mine.add(step(seq))).tenant_id == mine.owner
    await mine.add(step(1, uuid7()))
    assert [row.seq for row in await mine.finished(run_id)] == [1, 2]
    assert [row.seq for row in await theirs.finished(run_id)] == [1, 3]
