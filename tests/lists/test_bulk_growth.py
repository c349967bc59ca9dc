"""What a job of many rows keeps for the way back: written once for each row, and read again from wherever it stands."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import bulk_verbs as contact_verbs
from app.lib import clock
from app.lists import bulk_repository
from app.lists.bulk import BulkJobs, CannotUndo
from app.models import BulkJob, BulkJobBatch, FolderKind, Workspace
from app.models.status import Role
from app.workflows import bulk_verbs as workflow_verbs
from tests.lists.plans import captured
from tests.lists.test_bulk import finish, people, tagged
from tests.lists.test_filed_in_bulk import Filing, rows_of

BATCH, FEW, MANY = 5, 8, 32
"""Rows of a batch, and batches."""


@pytest.fixture
def jobs(db_session: AsyncSession, principals: dict[Role, Principal]) -> BulkJobs:
    return BulkJobs(db_session, principals[Role.MARKETER])


async def written(session: AsyncSession, jobs: BulkJobs, list_name: str, ids: list[UUID], sent: dict[str, str]) -> int:
    """Characters that go into the tables of jobs by batches after the first, which writes what the job is about."""
    job = await jobs.start(list_name, "tag", ids, sent)
    with captured(session) as statements:
        await finish(session, job)
    assert job.done == len(ids)
    return sum(
        len(repr(values))
        for sql, values in statements
        if sql.lstrip().lower().startswith(("insert into bulk_job", "update bulk_job"))
    )


@pytest.mark.parametrize("list_name", ["contacts", "workflows"])
async def test_four_times_the_rows_are_four_times_the_writing(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, monkeypatch: pytest.MonkeyPatch, list_name: str
) -> None:
    verbs = {"contacts": contact_verbs.BULK, "workflows": workflow_verbs.BULK}[list_name].verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=BATCH))
    amounts = []
    for number in (FEW, MANY):
        if list_name == "contacts":
            ids = await people(db_session, workspace, number * BATCH)
        else:
            ids = [
                row.id for row in await rows_of(db_session, workspace, FolderKind.WORKFLOW, [["old"]] * number * BATCH)
            ]
        sent = {"tag": f"t{number}", "add": f"t{number}", "remove": ""}
        amounts.append(await written(db_session, jobs, list_name, ids, sent))
    few, many = amounts
    assert few > BATCH * FEW * 16, "something was measured"
    assert many / few < 1.25 * (MANY - 1) / (FEW - 1), amounts


async def test_a_job_of_an_older_release_goes_on_and_is_taken_back(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the ids of its first batches on its row."""
    verbs = contact_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=2))
    ids = await people(db_session, workspace, 5)
    job = await jobs.start("contacts", "tag", ids, {"tag": "vip"})
    await jobs.rows.replace_changes(job, await jobs.rows.changes(job))
    assert len(job.changed_ids) == 2 and await batches(db_session, job) == 0
    await finish(db_session, job)
    assert await batches(db_session, job) == 2
    await finish(db_session, await jobs.undo(job.id))
    assert await tagged(db_session, workspace, "vip") == set()


async def test_what_rows_had_comes_from_the_job_and_from_its_batches(
    db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal], monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs = workflow_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=2))
    filing = Filing(db_session, principals[Role.MARKETER])
    had = [["a"], ["b"], ["c", "d"], [], ["e"]]
    rows = await rows_of(db_session, workspace, FolderKind.WORKFLOW, had)
    job = await filing.jobs.start("workflows", "tag", [row.id for row in rows], {"add": "new", "remove": "a,d"})
    await filing.jobs.rows.replace_changes(job, await filing.jobs.rows.changes(job))
    await filing.ended(job)
    undo = await filing.jobs.undo(job.id)
    await filing.jobs.stop(undo.id)
    assert undo.reached == 2 and await batches(db_session, job) == 0
    await filing.ended(await filing.jobs.undo(job.id))
    assert [tags for _, tags in await filing.state(rows)] == had, "also after a way back that was stopped"


async def test_nothing_is_left_of_it_after_a_day(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs
) -> None:
    old, new = [
        await jobs.start("contacts", "tag", await people(db_session, workspace, 1), {"tag": tag}) for tag in ("a", "b")
    ]
    old.finished_at = clock.now() - timedelta(days=2)
    await db_session.flush()
    await bulk_repository.forget_ids(db_session, clock.now() - timedelta(days=1))
    assert (await batches(db_session, old), await batches(db_session, new)) == (0, 1)
    with pytest.raises(CannotUndo):
        await jobs.undo(old.id)


async def batches(session: AsyncSession, job: BulkJob) -> int:
    own = select(func.count()).where(BulkJobBatch.tenant_id == job.tenant_id, BulkJobBatch.job_id == job.id)
    return await session.scalar(own) or 0
