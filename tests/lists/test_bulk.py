"""What is done with many rows: counted before, in batches that survive a kill, taken back, and only by who may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import bulk_verbs as contact_verbs
from app.errors import Forbidden, Invalid
from app.lib import clock
from app.lib.ids import uuid7
from app.lists import bulk
from app.lists.bulk import BulkJobNotFound, BulkJobs, CannotUndo
from app.lists.bulk_pages import done_in_words
from app.lists.bulk_verbs import bulk_verb
from app.models import BulkJob, Contact, ContactTag, Event, Segment, SegmentMember, SegmentNumber, Workspace
from app.models.run import ActiveRun
from app.models.status import Role, RunStatus
from tests.fixtures.people import ApiClients, BrowserClients
from tests.lists.plans import captured
from tests.runs.rows import live_flow, make_contact, make_run

FILTERS = {"sort": "-created"}


async def people(session: AsyncSession, workspace: Workspace, count: int, tag: str = "") -> list[UUID]:
    ids = [uuid7() for _ in range(count)]
    for number, contact_id in enumerate(ids):
        at = clock.now() - timedelta(minutes=number)
        email, tags = f"{contact_id}@example.com", [tag] if tag else []
        session.add(Contact(id=contact_id, tenant_id=workspace.id, email=email, created_at=at, tags=tags))
        if tag:
            session.add(ContactTag(tenant_id=workspace.id, tag=tag, created_at=at, contact_id=contact_id))
    await session.flush()
    return ids


async def tagged(session: AsyncSession, workspace: Workspace, tag: str) -> set[UUID]:
    query = select(Contact.id).where(Contact.tenant_id == workspace.id, Contact.tags.contains([tag]))
    rows = select(ContactTag.contact_id).where(ContactTag.tenant_id == workspace.id, ContactTag.tag == tag)
    on_contacts = set((await session.scalars(query)).all())
    assert on_contacts == set((await session.scalars(rows)).all()), "both places say the same"
    return on_contacts


@pytest.fixture
def jobs(db_session: AsyncSession, principals: dict[Role, Principal]) -> BulkJobs:
    return BulkJobs(db_session, principals[Role.MARKETER])


async def finish(session: AsyncSession, job: BulkJob) -> None:
    """As workers do, batch by batch."""
    for _ in range(100):
        if job.next_at is None:
            return
        job.next_at = clock.now() - timedelta(hours=1)
        await session.flush()
        assert await bulk.step_of_any(session)
    raise AssertionError("it does not end")


async def test_a_tag_is_added_in_batches_and_taken_back_from_those_who_got_it(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    had, others = await people(db_session, workspace, 3, "vip"), await people(db_session, workspace, 9)
    verbs = contact_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=5))  # type: ignore[index]
    found = await jobs.fitting("contacts", FILTERS)
    assert len(found.ids) == 12 and not found.more
    with pytest.raises(Invalid, match="More fit"):
        await jobs.start_for_all("contacts", "tag", FILTERS, {"tag": "vip"}, counted=11)
    job = await jobs.start_for_all("contacts", "tag", FILTERS, {"tag": "vip"}, counted=12)
    assert (job.matched, job.reached, job.next_at is not None) == (12, 5, True)
    await finish(db_session, job)
    assert await tagged(db_session, workspace, "vip") == {*had, *others}
    assert job.done == 9 and set((await jobs.rows.changes(job)).ids) == set(others), (
        "who had it already was not changed"
    )
    events = select(func.count()).select_from(Event).where(Event.tenant_id == workspace.id)
    assert await db_session.scalar(events.where(Event.name == "contact.updated")) == 9
    back = await jobs.undo(job.id)
    await finish(db_session, back)
    assert await tagged(db_session, workspace, "vip") == set(had)
    with pytest.raises(CannotUndo):
        await jobs.undo(job.id)


async def test_queries_do_not_grow_with_the_rows(
    db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs
) -> None:
    counts = []
    for number in (5, 50):
        ids = await people(db_session, workspace, number)
        with captured(db_session) as sent:
            await jobs.start("contacts", "tag", ids, {"tag": f"t{number}"})
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 16, counts


async def test_into_a_segment_and_out(db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs) -> None:
    ids = await people(db_session, workspace, 4)
    segment = Segment(tenant_id=workspace.id, number=1, name="Best", kind="static")
    db_session.add_all([segment, SegmentNumber(tenant_id=workspace.id, last=1)])
    await db_session.flush()
    members = select(SegmentMember.contact_id).where(SegmentMember.tenant_id == workspace.id)
    job = await jobs.start("contacts", "put_in", [*ids, ids[0], uuid7()], {"segment": str(segment.id)})
    assert (job.done, job.label, job.matched) == (4, "Best", 5)
    assert set((await db_session.scalars(members)).all()) == set(ids)
    await jobs.undo(job.id)
    assert (await db_session.scalars(members)).all() == []
    for wrong in ("", str(uuid7())):
        with pytest.raises(Invalid):
            await jobs.start("contacts", "put_in", ids, {"segment": wrong})


async def test_deleting_cannot_be_taken_back(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, jobs: BulkJobs
) -> None:
    ids, theirs = await people(db_session, workspace, 3), await people(db_session, other_workspace, 2)
    job = await jobs.start("contacts", "delete", [*ids[:2], *theirs], {})
    assert job.done == 2
    rest = (await db_session.scalars(select(Contact.id).where(Contact.id.in_([*ids, *theirs])))).all()
    assert set(rest) == {ids[2], *theirs}, "rows of others are nobody's to delete"
    with pytest.raises(CannotUndo):
        await jobs.undo(job.id)
    with pytest.raises(Forbidden):
        await jobs.start_for_all("contacts", "delete", FILTERS, {}, counted=1)
    with pytest.raises(BulkJobNotFound):
        await jobs.undo(uuid7())


async def test_limits(db_session: AsyncSession, workspace: Workspace, jobs: BulkJobs) -> None:
    ids = await people(db_session, workspace, 3)
    most = bulk_verb("contacts", "delete").most
    for wrong, verb in (([], "tag"), ([uuid7() for _ in range(most + 1)], "delete"), (ids, "nothing")):
        with pytest.raises(Invalid):
            await jobs.start("contacts", verb, wrong, {"tag": "x"})
    for tag in ("", " ", "x" * 500):
        with pytest.raises(Invalid):
            await jobs.start("contacts", "tag", ids, {"tag": tag})
    found = await contact_verbs.BULK.fitting(db_session, jobs.principal, FILTERS, 2)
    assert len(found.ids) == 2 and found.more


async def out_of_order(*_: object) -> None:
    raise RuntimeError("broken")


async def stopped_by_the_database(session: AsyncSession, *_: object) -> None:
    await session.execute(text("set local statement_timeout = 1"))
    await session.execute(text("select pg_sleep(10)"))


@pytest.mark.parametrize("broken", [out_of_order, stopped_by_the_database])
async def test_one_job_that_fails_does_not_keep_others_waiting(
    db_session: AsyncSession,
    workspace: Workspace,
    jobs: BulkJobs,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[..., Awaitable[None]],
) -> None:
    ids = await people(db_session, workspace, 4)
    verbs = contact_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(batch=1))  # type: ignore[index]
    first = await jobs.start("contacts", "tag", ids, {"tag": "a"})
    second = await jobs.start("contacts", "tag", ids, {"tag": "b"})

    monkeypatch.setitem(verbs, "tag", verbs["tag"]._replace(do=broken))  # type: ignore[index]
    first.next_at = second.next_at = clock.now() - timedelta(hours=1)
    await db_session.flush()
    assert await bulk.step_of_any(db_session) and await bulk.step_of_any(db_session)
    assert not await bulk.step_of_any(db_session), "both wait"
    assert (first.reached, second.reached) == (1, 1)
    first.next_at, first.created_at = clock.now() - timedelta(hours=1), clock.now() - timedelta(hours=1, minutes=1)
    await db_session.flush()
    assert await bulk.step_of_any(db_session)
    assert (first.next_at, first.done, first.refused) == (None, 1, 3), "after an hour it is over"
    assert first.finished_at is not None and "3 could not: It failed again and again." in done_in_words(first)
    assert second.next_at is not None


@pytest.mark.parametrize("query", ["tag=a%00", "search=%00", "permission=%00", "sort=email&tag=%00b"])
async def test_a_filter_with_a_nul_is_none(browser: BrowserClients, query: str) -> None:
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    answer = await marketer.get("/lists/contacts/fitting", params={"filters": query})
    assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert (await viewer.get("/lists/contacts/fitting", params={"filters": query})).status_code == 403


async def test_runs_are_cancelled_and_tried_again(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    flow = await live_flow(await api(Role.ADMIN))
    runs = []
    for number, status in enumerate((RunStatus.WAITING, RunStatus.HELD, RunStatus.COMPLETED)):
        contact = await make_contact(db_session, workspace, email=f"r{number}@example.com")
        runs.append(
            await make_run(
                db_session, workspace, flow, status, clock.now(), contact_id=contact.id, current_node_id="wait"
            )
        )
    marketer, admin = (BulkJobs(db_session, principals[role]) for role in (Role.MARKETER, Role.ADMIN))
    ids = [run.id for run in runs]
    assert (await marketer.start("runs", "retry", ids, {})).done == 1
    with pytest.raises(Forbidden):
        await marketer.start_for_all("runs", "cancel", {"sort": "-started"}, {}, counted=9)
    with pytest.raises(Invalid):
        await admin.start_for_all("workflow-runs", "cancel", {"sort": "-started"}, {}, counted=9)
    found = await admin.fitting("workflow-runs", {"sort": "-started", "workflow": str(flow), "status": "completed"})
    assert list(found.ids) == [ids[2]]
    assert (await admin.start_for_all("runs", "cancel", {"sort": "started"}, {}, counted=3)).done == 2
    left = select(ActiveRun.id).where(ActiveRun.tenant_id == workspace.id)
    assert (await db_session.scalars(left)).all() == []


async def test_by_the_page(browser: BrowserClients, db_session: AsyncSession, workspace: Workspace) -> None:
    ids = await people(db_session, workspace, 3)
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    page = (await marketer.get("/contacts")).text
    assert all(f'name="id" value="{one}"' in page for one in ids) and 'id="bulk-delete"' in page
    page = (await viewer.get("/contacts")).text
    assert 'name="id"' not in page and 'id="bulk-delete"' not in page
    assert (await viewer.post("/lists/contacts/bulk", data={"verb": "tag", "tag": "x", "all": "1"})).status_code == 403
    counted = (await marketer.get("/lists/contacts/fitting", params={"filters": "search=example.com"})).json()
    assert counted["count"] == 3 and counted["words"] == "all 3 contacts that fit"
    sent = {"verb": "tag", "tag": "vip", "id": [str(ids[0]), str(ids[1])], "to": "/contacts?sort=email"}
    answer = await marketer.post("/lists/contacts/bulk", data=sent)
    assert answer.headers["location"] == "/contacts?sort=email"
    assert await tagged(db_session, workspace, "vip") == set(ids[:2])
    notice = (await marketer.get("/lists/contacts/jobs")).text
    assert "Tag “vip” added to 2 contacts." in notice and "Undo" in notice
    assert "vip" not in (await viewer.get("/lists/contacts/jobs")).text
    job = (await db_session.scalars(select(BulkJob))).one()
    assert (await marketer.post(f"/lists/contacts/jobs/{job.id}/undo")).status_code == 303
    assert await tagged(db_session, workspace, "vip") == set()
    assert "Undo" not in (await marketer.get("/lists/contacts/jobs")).text
    everyone = {"verb": "tag", "tag": "all", "all": "1", "query": f"search={ids[2]}"}
    await marketer.post("/lists/contacts/bulk", data=everyone)
    await marketer.post("/lists/contacts/bulk", data=everyone | {"counted": "0"})
    assert await tagged(db_session, workspace, "all") == set(), "nothing to more than were counted"
    await marketer.post("/lists/contacts/bulk", data=everyone | {"counted": "1"})
    assert await tagged(db_session, workspace, "all") == {ids[2]}, "all that fit the filter, and nobody else"
