"""Steps that wait for a delivery: one note for each run, whatever is reported in which order, and counters of what was reported."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine import integrity
from app.inbox import InboxKind
from app.lib import clock, database
from app.messaging import deliveries, ledger
from app.messaging.decisions import CAME_BACK, RETURNED
from app.messaging.deliveries import NOT_REPORTED, ReportOf
from app.models.status import ReportKind
from tests.callbacks.conftest import Reporting
from tests.callbacks.test_reports import entry
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.sink import Sink
from tests.fixtures.world import World as Flows
from tests.fixtures.world import flow, node
from tests.messaging.ended import exact
from tests.messaging.test_kills_of_providers import killed_at
from tests.messaging.world import World

DAY: dict[str, Any] = {"awaited": True, "delivery": [86_400, "next", "24 hours"]}
STRICT: dict[str, Any] = {"awaited": True, "delivery": [3_600, "error", "1 hour"]}


def notes(world: World, run_id: UUID) -> list[tuple[str, str, str | None, str | None]]:
    """(port, status, reason, error) of what the engine is told about the message of a run."""
    rows = world.db.execute(
        "select payload from inbox where kind = %s and run_id = %s order by id", (int(InboxKind.SETTLED), run_id)
    ).fetchall()
    return [(one["port"], one["output"]["status"], one["output"].get("reason"), one["error"]) for (one,) in rows]


def later(world: World, hours: float) -> None:
    at = world.value("select clock_now()") + timedelta(hours=hours)
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )


def report(reporting: Reporting, record: str, run_id: UUID, **more: Any) -> None:
    reporting.call(entry(record, f"{run_id}-2", **more))


def test_the_run_waits_and_goes_on_with_the_first_report(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent(payload=DAY)
    row = world.row(run_id)
    assert row["due_at"] - row["sent_at"] == timedelta(hours=24) and notes(world, run_id) == []
    for _ in range(2):
        report(reporting, "Delivery", run_id)
    report(reporting, "Open", run_id)
    report(reporting, "Bounce", run_id, Type="HardBounce", Description="gone")
    assert notes(world, run_id) == [("next", "delivered", None, None)], (
        "told once, and what comes later changes nothing"
    )
    assert world.row(run_id)["due_at"] is None and world.row(run_id)["word"] == "sent"
    later(world, 48)
    assert deliveries.end_waits(world.db) == 0
    exact(world)


OUTCOMES = {
    "Delivery": ("next", "delivered", None, None),
    "Open": ("next", "delivered", None, None),
    "Click": ("next", "delivered", None, None),
    "SpamComplaint": ("next", "delivered", None, None),
    "Bounce": ("error", "bounced", RETURNED, f"{CAME_BACK} gone"),
}


@pytest.mark.parametrize("record", OUTCOMES)
def test_every_report_ends_the_wait(reporting: Reporting, world: World, record: str) -> None:
    run_id = reporting.sent(payload=DAY)
    report(reporting, record, run_id, Type="SoftBounce", Description="gone")
    assert notes(world, run_id) == [OUTCOMES[record]]
    exact(world)


@pytest.mark.parametrize("order", list(itertools.permutations(["Delivery", "Open", "Bounce"])), ids="-".join)
def test_the_order_of_reports_matters_to_the_run_only_by_which_came_first(
    reporting: Reporting, world: World, order: tuple[str, ...]
) -> None:
    run_id = reporting.sent(payload=DAY)
    for record in order:
        report(reporting, record, run_id, Type="HardBounce", Description="gone")
    assert notes(world, run_id) == [OUTCOMES[order[0]]]
    assert {key: n for key, n in world.counters().items() if key.startswith("reported")} == {
        "reported.delivered": 1, "reported.opened": 1, "reported.bounced": 1,
    }  # fmt: skip
    exact(world)


@pytest.mark.parametrize(("record", "told"), [("Delivery", "delivered"), ("Bounce", "bounced")])
def test_a_report_that_is_quicker_than_our_own_record_is_not_lost(
    reporting: Reporting, world: World, monkeypatch: pytest.MonkeyPatch, record: str, told: str
) -> None:
    settle, early = ledger.settle, list[UUID]()

    def reported_first(connection: Any, moves: Any) -> Any:
        for move in moves:
            early.append(move.due.run_id)
            report(reporting, record, move.due.run_id, Type="HardBounce")
        return settle(connection, moves)

    monkeypatch.setattr(ledger, "settle", reported_first)
    run_id = reporting.sent(payload=DAY)
    assert early == [run_id] and [note[1] for note in notes(world, run_id)] == [told]
    assert world.row(run_id)["due_at"] is None
    exact(world)


@pytest.mark.parametrize(
    ("payload", "hours", "note"),
    [(DAY, 24.1, ("next", "sent", NOT_REPORTED, None)),
     (STRICT, 1.1, ("error", "sent", NOT_REPORTED, "Nobody reported within 1 hour that the message arrived."))],
    ids=["goes on as sent", "leaves by error"],
)  # fmt: skip
def test_without_a_report_the_wait_ends_by_its_time(
    reporting: Reporting, world: World, payload: dict[str, Any], hours: float, note: Any
) -> None:
    run_id = reporting.sent(payload=payload)
    later(world, hours - 0.2)
    assert deliveries.end_waits(world.db) == 0
    later(world, 0.2)
    world.deliver()  # as the actor does it
    assert notes(world, run_id) == [note] and deliveries.end_waits(world.db) == 0
    report(reporting, "Delivery", run_id)
    assert notes(world, run_id) == [note], "a late report counts, and moves nobody"
    assert world.counters()["reported.delivered"] == 1
    exact(world)


def test_a_connector_that_never_hears_of_deliveries_keeps_nobody_waiting(world: World, sink: Sink) -> None:
    run_id = world.message(payload=DAY)
    world.deliver()
    assert notes(world, run_id) == [("next", "sent", None, None)] and world.row(run_id)["due_at"] is None


def test_a_report_ends_a_doubt_and_the_wait(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent(payload=DAY)
    world.db.execute("update messages set status = 9, due_at = clock_now() + interval '1 day'")
    world.db.execute("update node_stats set key = 'message.uncertain' where key = 'message.sent'")
    report(reporting, "Bounce", run_id, Type="HardBounce", Description="gone")
    assert notes(world, run_id) == [OUTCOMES["Bounce"]] and world.row(run_id)["word"] == "sent"
    exact(world)


@pytest.mark.parametrize(
    ("record", "note"),
    [("Delivery", ("next", "delivered", None, None)), ("Bounce", ("error", "bounced", RETURNED, CAME_BACK))],
)
def test_what_was_reported_before_its_worker_died_is_in_no_doubt_and_is_not_sent_again(
    reporting: Reporting, world: World, record: str, note: Any
) -> None:
    run_id = world.message(payload={**DAY, "uncertain": ["resend", 60, "1 minute"]})
    killed_at("ledger", "settle")
    assert world.row(run_id)["word"] == "sending"
    report(reporting, record, run_id, Type="HardBounce")
    world.end_leases()
    world.deliver()
    later(world, 2)
    world.deliver()
    assert world.row(run_id)["word"] == "sent" and len(reporting.provider.taken) == 1
    assert notes(world, run_id) == [note]
    assert world.db.execute("select act, by_kind from message_decisions").fetchall() == [("sent", "product")]
    exact(world)


def test_two_calls_at_once_count_and_tell_once(reporting: Reporting, world: World) -> None:
    run_ids = [reporting.sent(f"{n}@example.com", payload=DAY) for n in range(4)]
    with ThreadPoolExecutor(8) as threads:
        calls = [
            threads.submit(report, reporting, record, run_id, ReceivedAt=f"2026-02-01T11:00:0{n}Z")
            for n in range(3)
            for record in ("Open", "Click", "Delivery")
            for run_id in run_ids
        ]
        for one in calls:
            one.result()
    assert [len(notes(world, run_id)) for run_id in run_ids] == [1] * 4
    counts = {key: n for key, n in world.counters().items() if key.startswith("reported")}
    assert counts == {"reported.opened": 4, "reported.clicked": 4, "reported.delivered": 4}
    exact(world)


# ---- with the engine


@pytest.fixture
def flows(committed_database: CommittedDatabase) -> Iterator[Flows]:
    made = Flows(committed_database.url)
    yield made
    made.close()


def mark(flows: Flows, *reports: ReportOf) -> None:
    async def inside() -> None:
        async with database.job_engine() as engine, AsyncSession(engine) as session:
            await deliveries.mark(session, flows.tenant, reports)
            await session.commit()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(inside())).result()


def sent(flows: Flows, *, wired: bool) -> tuple[UUID, list[tuple[UUID, int]]]:
    """A flow with two contacts whose emails are sent, and wait for what the provider reports."""
    nodes = [
        node("mail", "send_email", templateId="550e8400-e29b-41d4-a716-446655440001", goOn="delivered"),
        node("yes", "add_tag", tag="yes"), node("no", "add_tag", tag="no"),
    ]  # fmt: skip
    error = [("mail", "no", "error")] if wired else []
    flow_id = flows.workflow(flow("e", nodes, ("trigger", "mail"), ("mail", "yes"), *error))
    flows.emit("e", flows.contacts(2))
    flows.db.execute(
        "update messages set status = 2, sent_at = clock_now(), settled_at = clock_now(),"
        " due_at = clock_now() + (payload->'delivery'->>0)::float8 * interval '1 second'"
    )
    flows.db.execute("update node_stats set key = 'message.sent' where key = 'message.queued'")
    return flow_id, flows.db.execute("select run_id, seq from messages order by run_id").fetchall()


def test_a_run_stays_on_its_step_until_its_message_arrives_or_comes_back(flows: Flows) -> None:
    flow_id, (first, second) = sent(flows, wired=True)
    flows.engine.advance()
    assert flows.runs(flow_id) == {"running": 2} and integrity.check(flows.db) == []
    mark(flows, ReportOf(*first, ReportKind.DELIVERED), ReportOf(*second, ReportKind.BOUNCED, "No mailbox."))
    flows.engine.advance()
    ways = flows.db.execute("select run_id, port, output from steps where node_id = 'mail' order by run_id").fetchall()
    assert [(run_id, port, output["status"]) for run_id, port, output in ways] == [
        (first[0], "next", "delivered"), (second[0], "error", "bounced"),
    ]  # fmt: skip
    assert ways[1][2]["error"] == f"{CAME_BACK} No mailbox."
    assert flows.runs(flow_id) == {"completed": 2} and integrity.check(flows.db) == []


def test_without_a_path_for_failures_the_run_of_one_that_came_back_fails(flows: Flows) -> None:
    flow_id, (first, second) = sent(flows, wired=False)
    mark(flows, ReportOf(*first, ReportKind.FAILED, "Expired."))
    flows.travel(clock.now() + timedelta(hours=24, minutes=1))
    assert deliveries.end_waits(flows.db) == 1
    flows.engine.advance()
    assert flows.runs(flow_id) == {"failed": 1, "completed": 1} and integrity.check(flows.db) == []
    assert (
        flows.one("select output->>'reason' from steps where run_id = %s and node_id = 'mail'", second[0])
        == NOT_REPORTED
    )


@pytest.mark.parametrize(("kind", "used"), [(ReportKind.DELIVERED, "first"), (ReportKind.BOUNCED, "second")])
def test_a_fallback_tries_the_next_way_when_a_message_comes_back(flows: Flows, kind: ReportKind, used: str) -> None:
    nodes = [
        node("ways", "fallback", alternatives=["mail", "tag"]), node("tag", "add_tag", tag="called"),
        node("mail", "send_email", templateId="550e8400-e29b-41d4-a716-446655440001", goOn="delivered"),
    ]  # fmt: skip
    edges = [("trigger", "ways"), ("ways", "mail", "first"), ("ways", "tag", "second")]
    flow_id = flows.workflow(flow("e", nodes, *edges))
    flows.emit("e", flows.contacts(1))
    flows.db.execute("update messages set status = 2, due_at = clock_now() + interval '1 day'")
    run_id, seq = flows.db.execute("select run_id, seq from messages").fetchall()[0]
    mark(flows, ReportOf(run_id, seq, kind))
    flows.engine.advance()
    ways = [port for name, _, port in flows.steps(flow_id) if name == "ways"]
    assert ways[-1] == used and flows.runs(flow_id) == {"completed": 1}


def test_a_run_that_ended_meanwhile_is_moved_neither_by_a_report_nor_by_the_time(flows: Flows) -> None:
    flow_id, (first, _) = sent(flows, wired=True)
    flows.db.execute("delete from contacts")
    for (contact,) in flows.db.execute("select contact_id from runs").fetchall():
        flows.put("contact.erased", [contact], kind=3)
    flows.engine.advance()
    assert flows.runs(flow_id) == {"cancelled": 2}
    steps = flows.steps(flow_id)
    mark(flows, ReportOf(*first, ReportKind.DELIVERED))
    flows.travel(clock.now() + timedelta(hours=24, minutes=1))
    assert deliveries.end_waits(flows.db) == 1
    flows.engine.advance()
    assert flows.runs(flow_id) == {"cancelled": 2} and flows.steps(flow_id) == steps
    assert flows.one("select count(*) from inbox") == 0
    assert integrity.check(flows.db) == []
