"""What would grow without end is bounded: by age, by number, by workspace, in small steps."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.imports import repository as imports
from app.errors import Invalid
from app.lib import clock
from app.lib.ids import first_uuid7_of, uuid7
from app.models import Workspace
from app.models.status import Role
from app.retention import jobs, repository
from app.retention.rules import CHOICES, FOREVER, RULES, chosen, days_from_form, words
from tests.fixtures.people import BrowserClients

DAY = timedelta(days=1)


def _id_of(at: datetime) -> uuid.UUID:
    return uuid.UUID(int=first_uuid7_of(at).int | uuid.uuid4().int & (1 << 62) - 1)


async def _fill(session: AsyncSession, tenant: int, days: int) -> None:
    """One of everything, `days` old."""
    at = clock.now() - days * DAY
    values = {"tenant": tenant, "at": at, "id": _id_of(at), "contact": uuid7(), "number": days + tenant * 10_000}
    for sql in (
        "insert into events (id, tenant_id, contact_id, name, key, occurred_at, received_at)"
        " values (:id, :tenant, :contact, 'x', cast(:id as text), :at, :at)",
        "insert into event_keys (tenant_id, of_request, key, event_id) values (:tenant, false, cast(:id as text), :id)",
        "insert into mailbox_messages (id, tenant_id, sender, recipients, raw, received_at) values (:id, :tenant, 'a', '{b}', 'c', :at)",
        "insert into dead_letters (id, tenant_id, name, contact_id, error, at) values (:number, :tenant, 'x', :contact, 'e', :at)",
        "insert into contact_imports (id, tenant_id, filename, status, created_at, updated_at) "
        "values (:id, :tenant, 'f', 'completed', :at, :at)",
    ):
        await session.execute(text(sql), {key: value for key, value in values.items() if f":{key}" in sql})
    await session.execute(
        text(
            'insert into contact_import_errors (tenant_id, import_id, row_number, message, imported, "row")'
            " values (:tenant, :id, 1, 'm', false, '{}')"
        ),
        {"id": values["id"], "tenant": values["tenant"]},
    )


async def _ages(session: AsyncSession, tenant: int) -> dict[str, list[int]]:
    """How old, in days, is what is left, by table."""
    found = {}
    for table, column in (
        ("events", "received_at"),
        ("mailbox_messages", "received_at"),
        ("dead_letters", "at"),
        ("contact_imports", "created_at"),
    ):
        rows = await session.execute(
            text(f"select {column} from {table} where tenant_id = :tenant"), {"tenant": tenant}
        )
        found[table] = sorted((clock.now() - row[0]).days for row in rows)
    return found


async def test_each_workspace_keeps_what_it_chose(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    other_workspace.settings = {"retention": {"events": 7, "mailbox": FOREVER, "imports": 30, "dead_letters": 730}}
    await db_session.flush()
    for place in (workspace, other_workspace):
        for days in (1, 20, 60, 200, 500):
            await _fill(db_session, place.id, days)
    await jobs.apply_retention()
    assert await _ages(db_session, workspace.id) == {
        "events": [1, 20, 60, 200],
        "mailbox_messages": [1, 20],
        "dead_letters": [1, 20, 60],
        "contact_imports": [1, 20, 60],
    }
    assert await _ages(db_session, other_workspace.id) == {
        "events": [1],
        "mailbox_messages": [1, 20, 60, 200, 500],
        "dead_letters": [1, 20, 60, 200, 500],
        "contact_imports": [1, 20],
    }
    orphans = "select count(*) from contact_import_errors e where not exists (select from contact_imports i where i.id = e.import_id)"
    assert await db_session.scalar(text(orphans)) == 0
    keys = "select count(*), count(e.id) from event_keys k left join events e on e.tenant_id = k.tenant_id and e.id = k.event_id"
    assert (await db_session.execute(text(keys))).one() == (5, 5), (
        "what events are known by goes with them, and no sooner"
    )
    assert await jobs.apply_retention() == 0


async def test_a_backlog_goes_in_small_steps_and_all_of_it(
    db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "BATCH", 3)
    for _ in range(8):
        await _fill(db_session, workspace.id, 430)
        await db_session.execute(text("delete from dead_letters"))
    steps: list[int] = []
    delete = repository.delete_events

    async def counted(session: AsyncSession, tenant_id: int, before: uuid.UUID) -> int:
        steps.append(await delete(session, tenant_id, before))
        return steps[-1]

    monkeypatch.setattr(repository, "delete_events", counted)
    assert await jobs.apply_retention() == 24
    assert [step for step in steps if step] == [3, 3, 2]


async def test_a_round_ends_when_its_time_is_over_and_the_next_goes_on(
    db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(db_session, workspace.id, 800)
    monkeypatch.setattr(jobs, "SECONDS", 0.0)
    assert await jobs.apply_retention() == 0
    monkeypatch.setattr(jobs, "SECONDS", 60.0)
    assert await jobs.apply_retention() == 4


async def test_the_mailbox_has_a_number_too(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    for days in (5, 1, 3, 2, 4):
        await _fill(db_session, workspace.id, days)
    await _fill(db_session, other_workspace.id, 6)
    assert await repository.delete_surplus(db_session, workspace.id, 2) == 3
    assert (await _ages(db_session, workspace.id))["mailbox_messages"] == [1, 2]
    assert (await _ages(db_session, other_workspace.id))["mailbox_messages"] == [6]


async def test_refused_entries_and_signs_of_life_go_too(db_session: AsyncSession, workspace: Workspace) -> None:
    for days in (500, 396, 394, 1):
        await db_session.execute(
            text(
                "insert into entry_refusals (tenant_id, workflow_id, contact_id, reason, at) "
                "values (:tenant, gen_random_uuid(), gen_random_uuid(), 'r', :at)"
            ),
            {"tenant": workspace.id, "at": clock.now() - days * DAY},
        )
    for name, age in (("old", 4_000), ("new", 10)):
        await db_session.execute(
            text(
                "insert into heartbeats (process, kind, at) values (:name, 'worker', now() - make_interval(secs => :age))"
            ),
            {"name": name, "age": age},
        )
    await jobs.apply_retention()
    assert await db_session.scalar(text("select count(*) from entry_refusals")) == 2
    assert (await db_session.execute(text("select process from heartbeats"))).scalars().all() == ["new"]


async def test_old_events_are_found_by_the_index_of_their_workspace(
    db_session: AsyncSession, workspace: Workspace
) -> None:
    """Looking for what is old must not read what is young, or other workspaces'."""
    await db_session.execute(
        text(
            "insert into events (id, tenant_id, name, occurred_at, received_at) "
            "select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, :tenant + n % 5, 'x', now(), now()"
            " from generate_series(1, 5000) n"
        ),
        {"tenant": workspace.id},
    )
    await db_session.execute(text("analyze events"))
    plan = await db_session.execute(
        text("explain select id from events where tenant_id = :tenant and id < :before order by id limit 5000"),
        {"tenant": workspace.id, "before": first_uuid7_of(datetime(2020, 1, 1, tzinfo=UTC))},
    )
    lines = "\n".join(row[0] for row in plan)
    assert "_pkey" in lines and "Index Cond: ((tenant_id" in lines and "Seq Scan" not in lines, lines


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=900)),
)
def test_ids_below_the_bound_of_an_instant_were_made_before_it(at: datetime, later: timedelta) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert _id_of(at) >= first_uuid7_of(at)
    assert _id_of(at) < first_uuid7_of(at + later + timedelta(milliseconds=1))


def test_the_bound_of_now_lies_beside_new_ids() -> None:
    assert first_uuid7_of(datetime.now(UTC) - DAY) < uuid7() < first_uuid7_of(datetime.now(UTC) + DAY)


async def test_of_a_file_that_fits_nowhere_a_bounded_part_is_kept(
    db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "REPORTS_KEPT", 5)
    await _fill(db_session, workspace.id, 1)
    key = imports.ImportKey(workspace.id, await db_session.scalar(text("select id from contact_imports")))
    for first in (10, 20):
        reports = [imports.Report(line, "No address.", False, "{}") for line in range(first, first + 3)]
        await imports.add_reports(db_session, key, reports)
    assert len(await imports.errors(db_session, key)) == 5


@pytest.mark.parametrize("value", ["", "8", "-7", "7.0", "7 ", "٧", "99999", "for ever"])
def test_only_the_choices_can_be_chosen(value: str) -> None:
    given_ = {rule.name: "30" for rule in RULES}
    assert set(days_from_form(given_).values()) == {30}
    with pytest.raises(Invalid) as caught:
        days_from_form({**given_, "events": value})
    assert [item["path"] for item in caught.value.errors] == ["events"]


def test_every_default_can_be_chosen_and_said() -> None:
    assert all(days in CHOICES for days in chosen({}).values())
    assert [words(days) for days in CHOICES] == [
        "7 days",
        "30 days",
        "90 days",
        "180 days",
        "13 months",
        "2 years",
        "For ever",
    ]


async def test_the_page_shows_and_changes_it(
    db_session: AsyncSession, workspace: Workspace, browser: BrowserClients
) -> None:
    await _fill(db_session, workspace.id, 3)
    workspace.settings = {"country": "DE"}
    await db_session.flush()
    admin = await browser(Role.ADMIN)
    page = (await admin.get("/settings/data")).text
    assert "The oldest is of" in page and "Answers to repeated requests" in page
    wanted = {rule.name: "90" for rule in RULES}
    assert (await admin.post("/settings/data", data={**wanted, "events": "1"})).status_code == 422
    assert (await admin.post("/settings/data", data=wanted)).status_code == 303
    await db_session.refresh(workspace)
    assert workspace.settings == {"country": "DE", "retention": {rule.name: 90 for rule in RULES}}
    viewer = await browser(Role.VIEWER)
    assert "90 days" in (await viewer.get("/settings/data")).text
    assert (await viewer.post("/settings/data", data=wanted)).status_code == 403
