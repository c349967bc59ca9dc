"""One list of troubles: what stops everybody, what stops a workspace, in one order, bounded, and nothing of a neighbour."""

from __future__ import annotations

from collections import namedtuple
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock, database, disk
from app.lib.ids import uuid7
from app.models import Connector, DeadLetter, Message, Workspace
from app.models.status import Channel, MessageStatus, Role
from app.troubles import service
from app.troubles.kinds import KINDS, act_of, text_of
from app.troubles.schemas import Trouble
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients

BEAT = text("insert into heartbeats (process, kind, at) values (:kind, :kind, now() - make_interval(secs => :age))")
INBOX = text(
    "insert into inbox (tenant_id, name, contact_id, occurred_at, at) values (:tenant, 'x', :contact, clock_now(), "
    "clock_now() - make_interval(secs => :age))"
)


@pytest.fixture
def long_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_began", float("-inf"))


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**12))


async def _beat(session: AsyncSession, **ages: float) -> None:
    for kind, age in ages.items():
        await session.execute(BEAT, {"kind": kind, "age": age})


async def _kinds(session: AsyncSession) -> list[str]:
    return [trouble.kind for trouble in await service.of_installation(session)]


@pytest.mark.parametrize(
    ("ages", "kinds"),
    [
        ({"worker": 1, "scheduler": 1}, []),
        ({"worker": 16, "scheduler": 1}, ["no_worker"]),
        ({"worker": 1}, ["no_scheduler"]),
        ({"worker": 9_000, "scheduler": 400}, ["no_worker", "no_scheduler"]),
        ({}, ["no_worker", "no_scheduler"]),
    ],
)
async def test_processes_that_are_gone(
    db_session: AsyncSession, long_since: None, ages: dict[str, float], kinds: list[str]
) -> None:
    await _beat(db_session, **ages)
    assert await _kinds(db_session) == kinds


async def test_a_server_that_has_just_begun_misses_nobody(db_session: AsyncSession) -> None:
    assert await _kinds(db_session) == []


@pytest.mark.parametrize(("ages", "count"), [([61, 5], 2), ([25], 0), ([4_000, 3_000, 1], 3)])
async def test_events_that_nobody_handles(
    db_session: AsyncSession, workspace: Workspace, ages: list[int], count: int
) -> None:
    for age in ages:
        await db_session.execute(INBOX, {"tenant": workspace.id, "contact": uuid7(), "age": age})
    found = await service.of_installation(db_session)
    assert [(trouble.kind, trouble.count) for trouble in found] == ([("events_late", count)] if count else [])
    if found and found[0].since:
        assert abs((clock.now() - found[0].since).total_seconds() - max(ages)) < 20


async def test_work_that_is_stuck_names_who_is_in_the_way(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody locks a table: the list answers all the same, and says so; details are for whoever runs the server."""
    with committed_database.connect() as holder, holder.transaction():
        holder.execute("lock table active_runs")
        async with database.transaction() as session:
            found = await service.of_installation(session)
    (stuck,) = [trouble for trouble in found if trouble.kind == "stuck"]
    assert "the table active_runs is locked" in " ".join(stuck.details)
    assert "active_runs" not in text_of(stuck), "people read no names of tables"
    async with database.transaction() as session:
        assert "stuck" not in [trouble.kind for trouble in await service.of_installation(session)]


async def test_what_waits_for_a_newer_release_is_not_late(db_session: AsyncSession, workspace: Workspace) -> None:
    await db_session.execute(INBOX, {"tenant": workspace.id, "contact": uuid7(), "age": 100})
    await db_session.execute(text("update inbox set kind = 9"))
    assert await _kinds(db_session) == ["older_release"]


async def test_all_that_is_late_is_counted_up_to_a_bound(db_session: AsyncSession, workspace: Workspace) -> None:
    await db_session.execute(
        text(
            "insert into inbox (tenant_id, name, contact_id, occurred_at, at) select :tenant, 'x', gen_random_uuid(), clock_now(), "
            "clock_now() - interval '2 minutes' from generate_series(1, 10050)"
        ),
        {"tenant": workspace.id},
    )
    (found,) = await service.of_installation(db_session)
    assert found.count == 10_000


@pytest.mark.parametrize(("free", "kind"), [(0.5, None), (0.05, "disk_low"), (0.001, "disk_full"), (0.0, "disk_full")])
def test_a_disk_that_fills_up(monkeypatch: pytest.MonkeyPatch, free: float, kind: str | None) -> None:
    Usage = namedtuple("Usage", "total used free")
    total = 8_000_000_000
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(total, 0, int(total * free)))
    found = service._disk()
    assert [trouble.kind for trouble in found] == ([kind] if kind else [])
    assert all("are free on the disk" in text_of(trouble) for trouble in found)


def test_a_disk_that_cannot_be_looked_at_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr(disk.shutil, "disk_usage", gone)
    assert service._disk() == []


def _held(workspace: Workspace, clock_at: Any, **fields: Any) -> Message:
    return Message(
        run_id=uuid7(),
        seq=1,
        tenant_id=workspace.id,
        workflow_id=uuid7(),
        contact_id=uuid7(),
        channel=Channel.EMAIL,
        status=MessageStatus.QUEUED,
        created_at=clock_at,
        **fields,
    )


def _dead(workspace: Workspace, number: int, **fields: Any) -> DeadLetter:
    return DeadLetter(
        id=number,
        tenant_id=workspace.id,
        name="order.paid",
        contact_id=uuid7(),
        payload={"total": number},
        error=f"Number {number} is too large.",
        **fields,
    )


async def test_a_workspace_hears_of_its_own_only(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, clock: Clock, api: ApiClients
) -> None:
    theirs = Connector(tenant_id=other_workspace.id, type="smtp", name="Theirs", state="paused", state_since=clock.at)
    ours = Connector(tenant_id=workspace.id, type="smtp", name="Ours", state="away", state_since=clock.at)
    db_session.add_all(
        [
            theirs,
            ours,
            _held(workspace, clock.at, reason="no_connector"),
            _held(other_workspace, clock.at, reason="no_connector"),
            _dead(workspace, 1),
            _dead(workspace, 2),
            _dead(other_workspace, 3),
        ]
    )
    await db_session.flush()
    answer = await (await api(Role.VIEWER)).get("/api/v1/troubles")
    found = {row["kind"]: row for row in answer.json()["data"]}
    assert list(found) == ["no_connector", "away", "dead_letters"], "the worst first"
    assert found["no_connector"]["count"] == 1 and found["no_connector"]["severity"] == "danger"
    assert found["away"]["connectorName"] == "Ours"
    assert found["dead_letters"]["count"] == 2 and found["dead_letters"]["message"] == "Number 2 is too large."


async def test_the_banner_holds_what_stops_everything(
    db_session: AsyncSession, workspace: Workspace, clock: Clock, browser: ApiClients, long_since: None
) -> None:
    await _beat(db_session, worker=100, scheduler=1)
    marketer = await browser(Role.VIEWER)
    text_ = (await marketer.get("/troubles/banner")).text
    assert "No worker is running" in text_ and "Since" in text_
    await db_session.execute(text("update heartbeats set at = now()"))
    assert (await marketer.get("/troubles/banner")).text.strip() == ""
    db_session.add(
        Connector(
            tenant_id=workspace.id,
            type="smtp",
            name="Sales <b>",
            state="paused",
            state_since=clock.at,
            state_message="Bad password.",
        )
    )
    db_session.add(_dead(workspace, 1))
    await db_session.flush()
    text_ = (await marketer.get("/troubles/banner")).text
    assert "Connector stopped: Sales &lt;b&gt;" in text_ and "Bad password." in text_
    assert "Events set aside" not in text_, "it stops nobody else"


async def test_a_stranger_is_told_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/troubles/banner")).status_code == 303
    assert (await client.get("/api/v1/troubles")).status_code == 401


async def test_every_kind_has_words_and_metrics_know_those_of_the_installation(client: httpx.AsyncClient) -> None:
    page = (await client.get("/metrics")).text
    for name, kind in KINDS.items():
        trouble = Trouble(kind=name, workflow_id=uuid7(), connector_id=uuid7())
        assert kind.label and text_of(trouble).endswith("."), name
        act = act_of(trouble)
        assert act is None or act.url.startswith("/"), name
        assert (f'throughline_trouble{{kind="{name}"}}' in page) is kind.of_installation, name


async def test_alarms_fire(db_session: AsyncSession, client: httpx.AsyncClient, workspace: Workspace) -> None:
    """The age of the inbox was a constant 0 once; an alarm on it could never fire."""
    await db_session.execute(INBOX, {"tenant": workspace.id, "contact": uuid7(), "age": 500})
    lines = (await client.get("/metrics")).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values['throughline_queue_oldest_seconds{queue="inbox"}']) >= 500
    assert values['throughline_trouble{kind="events_late"}'] == "1.0"
    assert float(values['throughline_trouble_seconds{kind="events_late"}']) >= 490


async def test_events_set_aside_are_tried_again_as_they_came(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, api: ApiClients
) -> None:
    happened, arrived = clock.now() - timedelta(days=3), clock.now() - timedelta(days=2)
    ours = _dead(workspace, 1, kind=1, run_id=uuid7(), workflow_id=uuid7(), event_id=uuid7(), depth=2)
    ours.occurred_at, ours.arrived_at = happened, arrived
    db_session.add_all([ours, _dead(workspace, 2), _dead(other_workspace, 3)])
    await db_session.flush()
    marketer = await api(Role.MARKETER)
    listed = (await marketer.get("/api/v1/dead-letters")).json()["data"]
    assert [row["id"] for row in listed] == [2, 1]
    answer = await marketer.post("/api/v1/dead-letters/retry", json={"ids": [1, 3]})
    assert answer.json()["data"] == {"count": 1}
    row = (
        await db_session.execute(text("select * from inbox where tenant_id = :tenant"), {"tenant": workspace.id})
    ).one()
    assert (row.kind, row.name, row.depth, row.payload) == (1, "order.paid", 2, {"total": 1})
    assert (row.run_id, row.workflow_id, row.event_id) == (ours.run_id, ours.workflow_id, ours.event_id)
    assert (row.occurred_at, row.at) == (happened, arrived)
    left = (await db_session.execute(text("select id from dead_letters order by id"))).scalars().all()
    assert left == [2, 3]
    again = await marketer.post("/api/v1/dead-letters/retry", json={"ids": [1]})
    assert again.status_code == 404


@pytest.mark.parametrize("ids", [[], ["x"], [1.5], None, [1] * 1001])
async def test_ids_that_are_none(api: ApiClients, ids: Any) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/dead-letters/discard", json={"ids": ids})
    assert answer.status_code == 422


async def test_the_page_of_events_set_aside(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, browser: ApiClients
) -> None:
    db_session.add_all([_dead(workspace, number) for number in range(1, 4)] + [_dead(other_workspace, 9)])
    await db_session.flush()
    admin = await browser(Role.ADMIN)
    page = (await admin.get("/dead-letters")).text
    assert "Number 2 is too large." in page and "Number 9" not in page and "A deleted contact" in page
    assert (await admin.post("/dead-letters/discard", data={"id": "2"})).status_code == 303
    assert (await admin.post("/dead-letters/discard", data={"id": "x"})).status_code == 422
    assert (await admin.post("/dead-letters/retry", data={"all": "1"})).status_code == 303
    assert "Every event that arrived was handled." in (await admin.get("/dead-letters")).text
    count = "select count(*) from inbox where tenant_id = :tenant"
    assert (await db_session.execute(text(count), {"tenant": workspace.id})).scalar() == 2
    assert (await (await browser(Role.VIEWER)).post("/dead-letters/retry", data={"all": "1"})).status_code == 403


async def test_health_tells_anybody_what_stands_still_and_nothing_of_a_workspace(
    db_session: AsyncSession, workspace: Workspace, clock: Clock, client: httpx.AsyncClient
) -> None:
    await _beat(db_session, worker=1, scheduler=1)
    await db_session.execute(INBOX, {"tenant": workspace.id, "contact": uuid7(), "age": 100})
    db_session.add(_dead(workspace, 1))
    await db_session.flush()
    found = (await client.get("/health/ready")).json()
    assert found["status"] == "degraded"
    assert [(seen["kind"], seen["count"]) for seen in found["troubles"]] == [("stuck", 0), ("events_late", 1)]
    assert all(seen["detail"].endswith(".") for seen in found["troubles"])
    await db_session.execute(text("delete from inbox"))
    assert (await client.get("/health/ready")).json()["troubles"] == []
