"""Jobs of many rows share the workers: a workspace with many of them has one batch for each batch of another. And who stops one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import bulk_verbs as contact_verbs
from app.errors import Forbidden
from app.held_runs import repository as held_repository
from app.lib import clock
from app.lib.ids import uuid7
from app.lists import bulk
from app.lists.bulk import BulkJobNotFound, BulkJobs
from app.lists.bulk_pages import done_in_words
from app.messaging import job_repository
from app.models import BulkJob, Workspace
from app.models.held_run_job import HeldRunJob
from app.models.job_turn_repository import JobTurns
from app.models.message_job import MessageJob
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.lists.plans import captured
from tests.lists.test_bulk import FILTERS, people, tagged


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    verbs = contact_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=2))  # type: ignore[index]
    monkeypatch.setattr(bulk, "REST_S", -3600.0)
    monkeypatch.setattr(bulk, "TURNS", JobTurns())


@pytest.mark.usefixtures("small")
async def test_a_workspace_with_many_jobs_keeps_nobody_waiting(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    marketer = principals[Role.MARKETER]
    ids = await people(db_session, workspace, 12)
    theirs = await people(db_session, other_workspace, 6)
    jobs = BulkJobs(db_session, marketer)
    for number in range(4):
        await jobs.start("contacts", "tag", ids, {"tag": f"t{number}"})
    elsewhere = BulkJobs(db_session, msgspec.structs.replace(marketer, tenant_id=other_workspace.id))
    last = await elsewhere.start("contacts", "tag", theirs, {"tag": "theirs"})
    await db_session.flush()
    for _ in range(2 * 2):
        assert await bulk.step_of_any(db_session)
    assert last.finished_at is not None, "three batches of six contacts, the first of them at once"
    reached = (await db_session.scalars(select(BulkJob.reached).where(BulkJob.tenant_id == workspace.id))).all()
    assert sorted(reached) == [2, 2, 4, 4], "meanwhile two of the others, of the jobs that waited longest"


MODELS = [
    (
        BulkJob,
        {"list_name": "contacts", "verb": "tag", "arguments": {}, "target_ids": [], "matched": 1, "by_id": uuid7()},
    ),
    (HeldRunJob, {"act": "retry", "wanted": {}, "by_kind": "user", "matched": 1}),
    (MessageJob, {"act": "resend", "wanted": {}, "by_kind": "user"}),
]


@pytest.mark.parametrize(("model", "values"), MODELS, ids=[model.__tablename__ for model, _ in MODELS])
async def test_each_kind_of_job_goes_round_the_workspaces(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, model: type, values: dict[str, object]
) -> None:
    await db_session.execute(delete(model))
    at = clock.now() - timedelta(hours=1)
    times = {"touched_at": at} if model is MessageJob else {"next_at": at}
    for tenant in (workspace, other_workspace, workspace, workspace):
        db_session.add(model(tenant_id=tenant.id, id=uuid7(), by_name="Ada", **values, **times))
    await db_session.flush()
    turns, served = JobTurns(), list[int]()
    lock = {BulkJob: bulk.bulk_repository.lock_due, HeldRunJob: held_repository.lock_due}.get(
        model, job_repository.lock_next
    )
    while (job := await lock(db_session, turns)) is not None:
        served.append(job.tenant_id)
        await db_session.delete(job)
        await db_session.flush()
    first, second = sorted((workspace.id, other_workspace.id))
    mine = [workspace.id, workspace.id]
    assert served == ([first, second] if first == workspace.id else [first, second][:2]) + mine


def told(jobs: Sequence[BulkJob]) -> list[str]:
    return [done_in_words(job) for job in jobs]


@pytest.mark.usefixtures("small")
async def test_a_job_is_stopped_and_what_was_done_is_taken_back(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    ids = await people(db_session, workspace, 7)
    jobs = BulkJobs(db_session, principals[Role.MARKETER])
    job = await jobs.start("contacts", "tag", ids, {"tag": "vip"})
    assert await bulk.step_of_any(db_session) and job.reached == 4
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    path = f"/lists/contacts/jobs/{job.id}/stop"
    assert "/stop" in (await marketer.get("/lists/contacts/jobs")).text
    assert "/stop" not in (await viewer.get("/lists/contacts/jobs")).text
    assert (await viewer.post(path)).status_code == 403
    assert (await marketer.post(path, data={"to": "/contacts?sort=email"})).headers[
        "location"
    ] == "/contacts?sort=email"
    assert not await bulk.step_of_any(db_session), "nothing more is done"
    assert await tagged(db_session, workspace, "vip") == set(ids[:4])
    await db_session.refresh(job)
    (text,) = told([job])
    assert text.startswith("Tag “vip” added to 4 contacts. Stopped by ") and "3 were left as they were." in text
    by = job.stopped_by
    assert (await jobs.stop(job.id)).stopped_by == by, "once is enough"
    await jobs.undo(job.id)
    while await bulk.step_of_any(db_session):
        pass
    assert await tagged(db_session, workspace, "vip") == set()
    with pytest.raises(BulkJobNotFound):
        await jobs.stop(uuid7())
    with pytest.raises(Forbidden):
        await BulkJobs(db_session, principals[Role.VIEWER]).stop(job.id)


@pytest.mark.parametrize(
    "filters", [{}, {"sort": "email"}, {"tag": "vip"}, {"search": "example.com"}, {"permission": "reachable"}]
)
async def test_counting_reads_no_whole_rows(
    db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal], filters: dict[str, str]
) -> None:
    ids = await people(db_session, workspace, 3, "vip")
    with captured(db_session) as sent:
        targets = await BulkJobs(db_session, principals[Role.MARKETER]).fitting("contacts", FILTERS | filters)
    assert set(targets.ids) == set(ids)
    read = [sql.partition("FROM")[0] for sql, _ in sent if sql.startswith("SELECT")]
    assert read and not any("attributes" in columns for columns in read), read


async def test_a_job_of_messages_is_stopped(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    job = MessageJob(
        tenant_id=workspace.id, act="resend", wanted={"status": ["failed"]}, by_kind="user", by_name="Ada", moved=4
    )
    db_session.add(job)
    await db_session.flush()
    marketer, viewer = await api(Role.MARKETER), await api(Role.VIEWER)
    path = f"/api/v1/message-jobs/{job.id}"
    assert (await viewer.post(f"{path}/stop")).status_code == 403
    stopped = (await marketer.post(f"{path}/stop")).json()["data"]
    assert (stopped["status"], stopped["moved"]) == ("stopped", 4) and stopped["stoppedBy"] and stopped["finishedAt"]
    assert (await marketer.post(f"{path}/stop")).json()["data"] == stopped
    assert (await marketer.post(f"/api/v1/message-jobs/{uuid7()}/stop")).status_code == 404
