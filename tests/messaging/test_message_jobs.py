"""Many messages at once: a job of small batches, which nobody repeats and nobody loses, whoever is killed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors import release_repository
from app.connectors.schemas import ConnectorChange
from app.lib import database
from app.messaging import bulk, decisions, jobs
from app.messaging.schemas import MessageFilter
from tests.fixtures.sink import Sink
from tests.messaging.ended import exact, lost, refused
from tests.messaging.world import World


def start(world: World, act: Any, given: MessageFilter) -> UUID:
    async def begin(session: AsyncSession, who: Principal) -> UUID:
        return (await bulk.MessageJobs(session, who).start(act, given)).id

    found: UUID = world.by(begin)
    return found


def job(world: World, job_id: UUID) -> tuple[int, int, int, bool]:
    row = world.db.execute(
        "select matched, moved, skipped, finished_at is not null from message_jobs where id = %s", (job_id,)
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]


def finish(world: World) -> None:
    """What the workers do each second."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(jobs.poll_message_jobs).result()


def test_all_that_fit_are_moved_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "BATCH", 4)
    other = world.workflow(world.tenant)
    mine, theirs, unknown = refused(world, 11), refused(world, 3, workflow_id=other), lost(world, 2)
    job_id = start(world, "resend", MessageFilter(status=["failed"], workflow_id=world.workflow_id))
    assert job(world, job_id)[0] == 11 and not job(world, job_id)[3], "a request does one batch"
    late = world.message()
    world.db.execute(
        "update messages set status = 8, due_at = null, settled_at = clock_now() where run_id = %s", (late,)
    )
    finish(world)
    assert job(world, job_id) == (11, 11, 0, True)
    assert {world.row(run_id)["word"] for run_id in mine} == {"queued"}
    assert {world.row(run_id)["word"] for run_id in [*theirs, late]} == {"failed"}, (
        "what failed later is another matter"
    )
    assert {world.row(run_id)["word"] for run_id in unknown} == {"uncertain"}
    world.deliver()
    assert len(world.sink.mails) == 11 and set(world.sink.ids.values()) == {1}
    finish(world)
    assert len(world.decisions()) == 11


def test_a_job_that_is_killed_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "BATCH", 3)
    found = lost(world, 10)
    job_id = start(world, "sent", MessageFilter(status=["uncertain"]))

    async def killed() -> None:
        async with database.job_engine() as engine, AsyncSession(engine) as session, session.begin():
            await bulk.step_of_any(session)
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(killed())).result()
    assert job(world, job_id) == (10, 3, 0, False)
    exact(world)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: jobs.poll_message_jobs(), range(2)))
    assert job(world, job_id) == (10, 10, 0, True)
    assert {world.row(run_id)["word"] for run_id in found} == {"sent"} and len(world.decisions()) == 10
    exact(world)


def test_jobs_of_two_people_over_the_same_messages_share_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "BATCH", 5)
    lost(world, 12)
    both = [start(world, act, MessageFilter(status=["uncertain"])) for act in ("sent", "failed")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: jobs.poll_message_jobs(), range(2)))
    done = [job(world, job_id) for job_id in both]
    assert all(one[3] for one in done) and sum(one[1] for one in done) == 12 == len(world.decisions())
    exact(world)


def test_a_filter_reads_reason_connector_and_time(world: World) -> None:
    old, new = refused(world), lost(world)
    world.db.execute("update messages set settled_at = clock_now() - interval '3 days' where run_id = %s", (old[0],))
    moment = world.value("select clock_now() - interval '1 day'")
    for given, fits in (
        (MessageFilter(status=["failed", "uncertain"]), 2),
        (MessageFilter(status=["failed", "uncertain"], since=moment), 1),
        (MessageFilter(status=["failed"], until=moment), 1),
        (MessageFilter(status=["failed"], since=moment), 0),
        (MessageFilter(status=["uncertain", "failed"], reason="worker_lost"), 1),
        (MessageFilter(status=["failed"], connector_id=world.connector_id), 1),
        (MessageFilter(status=["failed"], connector_id=uuid4()), 0),
        (MessageFilter(status=["failed"], node_id="mail", contact_id=world.row(old[0])["contact_id"]), 1),
        (MessageFilter(status=["failed"], node_id="other"), 0),
        (MessageFilter(status=["failed"], version=world.row(old[0])["workflow_version"]), 1),
        (MessageFilter(status=["failed"], version=7), 0),
    ):
        assert world.by(lambda s, who, g=given: bulk.MessageJobs(s, who).count("resend", g)).number == fits, given
    job_id = start(world, "resend", MessageFilter(status=["failed", "uncertain"], reason="worker_lost"))
    assert job(world, job_id) == (1, 1, 0, True)
    assert (world.row(old[0])["word"], world.row(new[0])["word"]) == ("failed", "queued")


def test_nobody_moves_what_is_another_workspace_s(world: World) -> None:
    (run_id,) = refused(world)
    world.tenant = world.workspace("two")
    assert world.resend(run_id).moved == 0
    start(world, "resend", MessageFilter(status=["failed"]))
    assert world.row(run_id)["word"] == "failed" and world.decisions() == []


def test_what_was_held_is_freed_some_hundred_at_a_time(
    world: World, locked: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_repository, "AT_ONCE", 4)
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    for _ in range(11):
        world.message(payload={"connectorId": str(wrong)})
    world.deliver()
    assert world.held() == 11
    world.connectors("update", wrong, ConnectorChange(config={"password": "right"}))
    assert world.held() == 7, "the request frees some"
    world.db.execute("update connectors set state = 'paused' where id = %s", (wrong,))
    finish(world)
    assert world.held() == 7, "it rests again: nothing is freed behind which a queue would fill"
    world.connectors("resume", wrong)
    finish(world)
    assert world.held() == 0
    world.deliver()
    assert world.words() == {"sent": 11}
    assert world.value("select count(*) from message_jobs where finished_at is null") == 0


def test_what_a_paused_workflow_held_is_freed_like_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_repository, "AT_ONCE", 3)
    resting, other = world.workflow(world.tenant, "paused"), world.workflow(world.tenant, "paused")
    for workflow in [resting] * 7 + [other] * 2:
        world.message(workflow_id=workflow)
    world.deliver()
    assert world.held() == 9
    world.resume_workflow(resting)
    assert world.held() == 6
    finish(world)
    assert world.held() == 2
    world.deliver()
    assert len(world.sink.mails) == 7
