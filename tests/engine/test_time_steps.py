"""Steps that wait for a time or an event, with the engine: zones, dates that move while somebody waits, pauses, restarts, bursts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from app.engine.advance import Engine
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday


def waiting_flow(step: dict[str, Any], *more_ports: str, **more: Any) -> dict[str, Any]:
    """Enter by `go`, wait in `step`; who leaves by a port is tagged with it."""
    ports = ("next", "error", *more_ports)
    nodes = [step, *[node(f"t-{port}", "add_tag", tag=port) for port in ports]]
    return flow("go", nodes, ("trigger", step["id"]), *[(step["id"], f"t-{port}", port) for port in ports], **more)


def restart(world: World) -> None:
    """Another process takes over: nothing that only memory knew is left."""
    dsn = world.engine.connection.info.dsn
    world.engine.close()
    world.engine = Engine(psycopg.connect(dsn, autocommit=True, options="-c timezone=UTC -c lock_timeout=300"))


def due(world: World, contact: UUID) -> datetime | None:
    moment: datetime | None = world.one("select resume_at from active_runs where contact_id = %s", contact)
    return moment


def tags(world: World, contact: UUID) -> list[str]:
    tagged: list[str] = world.one("select tags from contacts where id = %s", contact)
    return tagged


def change(world: World, contact: UUID, **attributes: Any) -> None:
    """Attributes of a contact change, and the event says so, as the API does it."""
    world.db.execute("update contacts set attributes = attributes || %s where id = %s", (Jsonb(attributes), contact))
    world.happen("contact.updated", contact, {"changed": [f"attributes.{name}" for name in attributes]})


def whole(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


def test_a_delay_ends_for_each_where_they_live(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    until = {"at": "09:00", "weekdays": ["wed"], "zone": "contact"}
    workflow = world.workflow(waiting_flow(node("w", "delay", duration=1, unit="days", until=until)))
    (berlin,), (tokyo,), (nowhere,) = (
        world.contacts(1, timezone=zone) for zone in ("Europe/Berlin", "Asia/Tokyo", None)
    )
    world.emit("go", [berlin, tokyo, nowhere])
    assert [due(world, one) for one in (berlin, tokyo, nowhere)] == [
        datetime(2026, 6, 3, 7, tzinfo=UTC), datetime(2026, 6, 3, 0, tzinfo=UTC), datetime(2026, 6, 3, 9, tzinfo=UTC),
    ]  # fmt: skip
    restart(world)
    world.travel(datetime(2026, 6, 3, 0, tzinfo=UTC))
    assert world.runs(workflow) == {"waiting": 2, "completed": 1}
    assert tags(world, tokyo) == ["next"]
    assert world.one("select output from steps where node_id = 'w'") == {
        "resumedAt": "2026-06-03T09:00:00+09:00", "zone": "Asia/Tokyo",
    }  # fmt: skip
    world.travel(datetime(2026, 6, 3, 9, tzinfo=UTC))
    assert world.runs(workflow) == {"completed": 3}
    whole(world)


RENEWAL = {"field": "contact.attributes.renewal", "zone": "workspace", "past": "port"}


def test_a_wait_moves_with_the_date_of_its_contact(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    three_before = {"duration": 3, "unit": "days", "direction": "before"}
    step = node("w", "wait_until", **RENEWAL, offset=three_before, at="09:00")
    workflow = world.workflow(waiting_flow(step, "passed"))
    stays, later, earlier, passes, removed, unrelated = world.contacts(6, attributes={"renewal": "2026-06-20"})
    world.emit("go", [stays, later, earlier, passes, removed, unrelated])
    first = datetime(2026, 6, 17, 9, tzinfo=UTC)
    assert {due(world, one) for one in (stays, later, earlier, passes, removed, unrelated)} == {first}
    began = world.one("select step_started_at from active_runs where contact_id = %s", later)
    world.travel(NOON + timedelta(days=1))
    change(world, later, renewal="2026-07-20")
    change(world, earlier, renewal="2026-06-10")
    change(world, passes, renewal="2026-06-03")
    change(world, removed, renewal=None)
    change(world, unrelated, plan="pro")
    world.engine.advance()
    assert due(world, later) == datetime(2026, 7, 17, 9, tzinfo=UTC)
    assert due(world, earlier) == datetime(2026, 6, 7, 9, tzinfo=UTC)
    assert world.one("select step_started_at from active_runs where contact_id = %s", later) == began
    assert (tags(world, passes), tags(world, removed)) == (["passed"], ["error"])
    assert world.one("select error_message from steps where node_id = 'w' and port = 'error'") == (
        "There is no date to wait for: renewal is empty."
    )
    assert due(world, unrelated) == first
    whole(world)
    restart(world)
    world.travel(first)
    assert world.runs(workflow) == {"waiting": 1, "completed": 5}
    assert tags(world, stays) == tags(world, earlier) == tags(world, unrelated) == ["next"]
    world.travel(datetime(2026, 7, 17, 9, tzinfo=UTC))
    assert world.runs(workflow) == {"completed": 6}
    assert world.one("select count(*) from steps where node_id = 'w'") == 6, "one step, however often it moved"
    whole(world)


def test_a_date_that_another_workflow_changes_moves_the_wait(world: World) -> None:
    world.travel(NOON)
    world.workflow(waiting_flow(node("w", "wait_until", **RENEWAL), "passed"))
    world.workflow(flow("renewed", [node("u", "update_contact", set={"renewal": "2026-08-01"})], ("trigger", "u")))
    (contact,) = world.contacts(1, attributes={"renewal": "2026-06-20"})
    world.emit("go", [contact])
    world.emit("renewed", [contact])
    assert due(world, contact) == datetime(2026, 8, 1, tzinfo=UTC)
    whole(world)


def test_a_pause_loses_no_change_of_a_date(world: World) -> None:
    """Changed while the workflow is paused: the wait is looked at again when it goes on, and is neither early nor late."""
    world.travel(NOON)
    workflow = world.workflow(waiting_flow(node("w", "wait_until", **RENEWAL), "passed"))
    later, over = world.contacts(2, attributes={"renewal": "2026-06-20"})
    world.emit("go", [later, over])
    world.set_status(workflow, "paused")
    change(world, later, renewal="2026-07-20")
    change(world, later, renewal="2026-07-25")
    world.travel(datetime(2026, 6, 25, tzinfo=UTC))
    assert world.runs(workflow) == {"waiting": 2}
    assert integrity.check(world.db) == []
    world.set_status(workflow, "active")
    world.engine.advance()
    assert due(world, later) == datetime(2026, 7, 25, tzinfo=UTC)
    assert tags(world, over) == ["next"]
    whole(world)


def test_a_fixed_moment_needs_no_contact(world: World) -> None:
    world.travel(NOON)
    steps = [
        node("w", "wait_until", field="event.starts_at"),
        node("x", "time_window", zone="workspace", weekdays=["mon"]),
        node("end", "end"),
    ]
    workflow = world.workflow(
        flow(None, steps, ("trigger", "w"), ("w", "x"), ("x", "end"), trigger={"data": {"contact": "none"}})
    )
    world.start_nobody(workflow, {"starts_at": "2026-06-06T10:00"})  # a Saturday
    world.start_nobody(workflow, {"starts_at": "soon"})
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 1, "failed": 1}
    world.travel(datetime(2026, 6, 6, 10, tzinfo=UTC))
    assert world.one("select current_node_id from active_runs") == "x"
    world.travel(datetime(2026, 6, 8, 9, tzinfo=UTC))
    assert world.runs(workflow) == {"completed": 1, "failed": 1}
    whole(world)


def test_a_window_holds_until_it_opens_and_again_when_a_pause_was_too_long(any_way: World) -> None:
    world = any_way
    world.travel(datetime(2026, 6, 5, 20, tzinfo=UTC))  # Friday evening
    weekdays = ["mon", "tue", "wed", "thu", "fri"]
    step = {"from": "09:00", "to": "17:00", "weekdays": weekdays, "zone": "workspace"}
    workflow = world.workflow(waiting_flow(node("w", "time_window", **step)))
    (contact,) = world.contacts(1)
    world.emit("go", [contact])
    assert due(world, contact) == datetime(2026, 6, 8, 9, tzinfo=UTC)
    world.set_status(workflow, "paused")
    world.travel(datetime(2026, 6, 8, 18, tzinfo=UTC))
    world.set_status(workflow, "active")
    world.engine.advance()
    assert due(world, contact) == datetime(2026, 6, 9, 9, tzinfo=UTC), "it is closed again"
    world.travel(datetime(2026, 6, 9, 9, tzinfo=UTC))
    assert world.runs(workflow) == {"completed": 1}
    (inside,) = world.contacts(1)
    world.emit("go", [inside])
    assert world.runs(workflow) == {"completed": 2}
    outputs = [row[0] for row in world.db.execute("select output from steps where node_id = 'w' order by completed_at")]
    assert [output["waited"] for output in outputs] == [True, False]
    whole(world)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_burst_of_1000_events_wakes_a_run_once(world: World, limit: int) -> None:
    world.travel(NOON)
    world.engine.limit = limit
    large = [rule("event.n", "greater_than", 3)]
    steps = [
        node("first", "wait_for_event", event="paid", conditions=large),
        node("second", "wait_for_event", event="paid", timeout={"duration": 1, "unit": "hours"}),
        node("end", "end"),
    ]
    edges = ("trigger", "first"), ("first", "second"), ("second", "end"), ("second", "end", "timeout")
    workflow = world.workflow(flow("go", steps, *edges))
    contact, other = world.contacts(2)
    world.emit("go", [contact, other])
    for number in range(1_000):
        world.happen("paid", contact, {"n": number}, occurred_at=NOON + timedelta(microseconds=number))
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1, "waiting": 1}
    woken_by = world.db.execute(
        "select node_id, (output->'properties'->>'n')::int from steps where node_id <> 'end' order by seq"
    )
    assert woken_by.fetchall() == [("first", 4), ("second", 5)], "each wait takes one event, the first that fits"
    whole(world)


def test_what_did_not_happen_in_time_leaves_by_its_port(world: World) -> None:
    world.travel(NOON)
    step = node("w", "wait_for_event", event="paid", timeout={"duration": 2, "unit": "days"})
    workflow = world.workflow(waiting_flow(step, "timeout"))
    pays, waits = world.contacts(2)
    world.emit("go", [pays, waits])
    world.happen("paid", pays)
    restart(world)
    world.travel(NOON + timedelta(days=2))
    assert world.runs(workflow) == {"completed": 2}
    assert (tags(world, pays), tags(world, waits)) == (["next"], ["timeout"])
    whole(world)
