"""Events go out by a real NATS that is killed and comes back: none lost, doubles only with one id, one contact's in order."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from app.domain_events import sink_repository
from app.event_sinks import sink_pass
from app.event_sinks.sink_pass import SinkPass
from app.lib.ids import uuid7
from tests.domain_events.conftest import RAISE
from tests.event_sinks.conftest import Connect, carry, nats_plan, stored, waiting
from tests.fixtures.nats_server import NatsServer, nats_server
from tests.fixtures.world import World, flow, node


def left(world: World) -> int:
    return int(world.one("select count(*) from sink_events"))


def test_events_arrive_by_subject_with_their_id(world: World, connect: Connect, bus: NatsServer) -> None:
    plan = nats_plan(bus.url)
    with connect() as connection:
        sink_repository.sink_seen(connection, "nats", plan.types, None)
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", [contact := world.contacts(1)[0]])
    assert asyncio.run(carry(plan, connect)) == 2 and left(world) == 0
    told = asyncio.run(stored(bus.url))
    assert [subject for subject, _, _ in told] == ["workflow.run.started", "workflow.run.completed"]
    for subject, message_id, event in told:
        assert (event["type"], event["id"], event["specversion"]) == (subject, message_id, "1.0")
        assert event["data"]["contact"]["id"] == str(contact)


def test_who_listens_is_known_to_engines_at_once_and_costs_nothing_before(world: World, connect: Connect) -> None:
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", world.contacts(1))
    assert left(world) == 0
    with connect() as connection:
        sink_repository.sink_seen(connection, "nats", ["workflow.run.started"], None)
    world.emit("signed_up", world.contacts(2))
    assert left(world) == 2
    epochs = world.one("select n from workflow_epochs")
    with connect() as connection:
        sink_repository.sink_seen(connection, "nats", ["workflow.run.started"], None)
    assert world.one("select n from workflow_epochs") == epochs, "nothing changed, so nobody has to look"
    world.db.execute("update event_sinks set tenant_ids = array[0]")
    world.db.execute(RAISE, (world.tenant,))
    world.emit("signed_up", world.contacts(1))
    assert left(world) == 2, "the bus does not hear of this workspace"


def test_workspaces_have_tokens_and_others_are_not_told(world: World, connect: Connect, bus: NatsServer) -> None:
    other = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    plan = nats_plan(bus.url, workspaces={"shop": "test", "gone": "nobody"}, publish_prefix="events")
    waiting(world, [uuid7()])
    asyncio.run(carry(plan, connect))
    assert [subject for subject, _, _ in asyncio.run(stored(bus.url))] == ["events.shop.contact.updated"]
    sink = world.db.execute("select tenant_ids, last_error from event_sinks").fetchone()
    assert sink is not None and sink[0] == [world.tenant] and "nobody" in sink[1] and other


def in_order(events: list[tuple[str, str, dict[str, object]]], contacts: int) -> None:
    """Of each contact the first of each message in the order in which it happened."""
    seen = defaultdict[int, list[int]](list)
    for _, _, event in events:
        place = int(str(event["data"]["n"]))  # type: ignore[index]
        if place not in seen[place % contacts]:
            seen[place % contacts].append(place)
    for places in seen.values():
        assert places == sorted(places)


def test_a_server_that_is_killed_again_and_again_loses_nothing(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_pass, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(sink_pass, "LOOK_S", 0.02)
    people = [uuid7() for _ in range(40)]
    ids = waiting(world, [people[n % 40] for n in range(3_000)])
    stop = threading.Event()

    async def main() -> None:
        with connect() as connection:
            work = SinkPass(nats_plan(bus.url), connection, stop)
            task = asyncio.create_task(work.run())
            for some in (300, 900, 1_600):
                while work.count < some and not task.done():
                    await asyncio.sleep(0.01)
                bus.kill()
                await asyncio.sleep(0.2)
                bus.start()
            while left(world) and not task.done():
                await asyncio.sleep(0.02)
            stop.set()
            await task

    asyncio.run(asyncio.wait_for(main(), 120))
    told = asyncio.run(stored(bus.url))
    assert {message_id for _, message_id, _ in told} == set(ids), "none lost, none invented"
    assert len(told) == len(ids), "within the window NATS leaves doubles out by their id"
    in_order(told, 40)
    assert world.db.execute("select failing_since, last_error from event_sinks").fetchone() == (None, None)


def test_a_worker_that_dies_between_bus_and_database_sends_again_with_one_id(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = waiting(world, [uuid7() for _ in range(20)])
    with monkeypatch.context() as patch:

        def dies(*_: object) -> None:
            raise SystemError("killed")

        patch.setattr(sink_repository, "events_left", dies)
        with pytest.raises(SystemError):
            asyncio.run(carry(nats_plan(bus.url), connect))
    assert left(world) == 20
    asyncio.run(carry(nats_plan(bus.url), connect))
    assert left(world) == 0 and [one[1] for one in asyncio.run(stored(bus.url))] == ids


def test_while_it_is_away_events_wait_and_the_reason_is_said(world: World, connect: Connect, bus: NatsServer) -> None:
    bus.kill()
    waiting(world, [uuid7()])
    assert asyncio.run(carry(nats_plan(bus.url), connect)) == 0 and left(world) == 1
    since, error = world.db.execute("select failing_since, last_error from event_sinks").fetchone() or (None, None)
    assert since is not None and error


def test_one_process_carries(world: World, connect: Connect, bus: NatsServer) -> None:
    waiting(world, [uuid7()])
    with connect() as leader:
        leader.execute("select pg_advisory_lock(%s)", (nats_plan(bus.url).lock,))
        assert asyncio.run(carry(nats_plan(bus.url), connect)) == 0 and left(world) == 1
    assert asyncio.run(carry(nats_plan(bus.url), connect)) == 1


def test_a_flood_of_one_workspace_does_not_hold_up_another(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    waiting(world, [uuid7() for _ in range(1_500)])
    (quiet,) = waiting(world, [uuid7()], tenant=other)
    asyncio.run(carry(nats_plan(bus.url), connect))
    places = [message_id for _, message_id, _ in asyncio.run(stored(bus.url))]
    assert places.index(quiet) <= sink_repository.SHARE


def test_credentials_are_asked_for(world: World, connect: Connect, tmp_path: Path) -> None:
    with nats_server(tmp_path / "closed", "--user", "flow", "--pass", "secret") as closed:
        waiting(world, [uuid7()])
        assert asyncio.run(carry(nats_plan(closed.url), connect)) == 0
        error = world.one("select last_error from event_sinks")
        assert error and "secret" not in error
        opened = closed.url.replace("//", "//flow:secret@")
        assert asyncio.run(carry(nats_plan(opened), connect)) == 1


def test_a_stream_of_the_operator_is_left_as_it_is(world: World, connect: Connect, bus: NatsServer) -> None:
    import nats

    async def prepare() -> None:
        client = await nats.connect(bus.url)
        await client.jetstream().add_stream(name="OURS", subjects=["contact.>", "workflow.>", "segment.>", "message.>"])
        await client.close()

    asyncio.run(prepare())
    waiting(world, [uuid7()])
    assert asyncio.run(carry(nats_plan(bus.url), connect)) == 1
    assert len(asyncio.run(stored(bus.url, "OURS"))) == 1
