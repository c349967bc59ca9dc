"""Each row starts one run: over the first poll, cursors, pauses, outages, edits, kills and several workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.connectors.call_signs import FAILURES
from app.engine import integrity
from app.lib import postgres_client
from app.polls import jobs, repository, storing
from app.polls.sources import PollSources
from tests.fixtures.foreign_database import ForeignDatabase
from tests.fixtures.http_server import Reply
from tests.fixtures.world import World
from tests.polls.conftest import Shop, database_connector, look, poll_row, polling_flow, started

CURSOR = {"path": "$.id", "kind": "number"}
QUERY = "select id, email, at from elsewhere.orders where id >= :cursor order by id"


def add_orders(world: World, *ids: int) -> None:
    for number in ids:
        world.db.execute(
            "insert into elsewhere.orders values (%s, %s, '2026-01-01Z'::timestamptz + %s * '1 h'::interval)",
            (number, f"p{number}@example.com", number),
        )


@pytest.mark.parametrize("first", ["new", "existing"])
@pytest.mark.parametrize("cursor", ["none", CURSOR], ids=["by-id", "by-cursor"])
async def test_each_row_of_a_list_starts_one_run(world: World, shop: Shop, first: str, cursor: Any) -> None:
    shop.add(1, 2, 3)
    where = "" if cursor == "none" else "?since={{cursor}}"
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders{where}", first=first, cursor=cursor))
    await look(world)
    await look(world)
    before = [] if first == "new" else [1, 2, 3]
    assert started(world, workflow) == before
    shop.add(4, 5)
    await look(world)
    await look(world)
    assert started(world, workflow) == [*before, 4, 5]
    assert world.one("select count(*) from contacts where email = 'p4@example.com'") == 1
    assert world.runs(workflow) == {"completed": len(before) + 2}
    row = poll_row(world)
    assert (row["total_rows"], row["failures"], row["primed"], row["lease"]) == (len(before) + 2, 0, True, None)
    assert row["cursor"] == (None if cursor == "none" else "5")
    world.balanced()
    assert integrity.check(world.db) == []


async def test_rows_of_pages_that_are_there_are_passed_over_for_new_rows_alone(world: World, shop: Shop) -> None:
    shop.add(*range(1, 8))
    shop.page = 3
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders?since={{{{cursor}}}}", cursor=CURSOR))
    await look(world)
    assert started(world, workflow) == [] and poll_row(world)["primed"]
    shop.add(8, 9)
    for _ in range(2):
        await look(world)
    assert started(world, workflow) == [8, 9]


@pytest.mark.parametrize(
    ("query", "cursor"),
    [
        (QUERY, CURSOR),
        ("select id, email from elsewhere.orders", "none"),
        ("select * from elsewhere.orders where at >= :cursor order by at", {"path": "$.at", "kind": "timestamp"}),
    ],
    ids=["number", "by-id", "time"],
)
@pytest.mark.parametrize("first", ["new", "existing"])
async def test_each_row_of_a_query_starts_one_run(
    world: World, elsewhere: ForeignDatabase, query: str, cursor: Any, first: str
) -> None:
    add_orders(world, 1, 2, 3)
    source = {"kind": "query", "connectorId": str(database_connector(world, elsewhere)), "query": query}
    workflow = world.workflow(polling_flow(source=source, cursor=cursor, first=first, occurredAt="$.at"))
    await look(world)
    await look(world)
    before = [] if first == "new" else [1, 2, 3]
    assert started(world, workflow) == before, poll_row(world)["error"]
    add_orders(world, 4, 5)
    await look(world)
    await look(world)
    assert started(world, workflow) == [*before, 4, 5]


@pytest.mark.parametrize(("days", "back"), [(2, 2), (300, 6), (-3, 0)], ids=["days-ago", "long-ago", "to-come"])
async def test_a_row_says_when_it_happened(world: World, shop: Shop, days: int, back: int) -> None:
    await look(world)
    now = world.one("select clock_now()")
    shop.add(1, at=(now - timedelta(days=days)).isoformat())
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing", occurredAt="$.at"))
    await look(world, minutes=0)
    assert started(world, workflow) == [1]
    assert world.one("select occurred_at from runs") == now - timedelta(days=back)


async def test_many_rows_come_part_by_part_at_once(world: World, elsewhere: ForeignDatabase) -> None:
    world.db.execute(
        "insert into elsewhere.orders select n, 'p' || n || '@example.com', now() from generate_series(1, 2300) n"
    )
    source = {"kind": "query", "connectorId": str(database_connector(world, elsewhere)), "query": QUERY}
    workflow = world.workflow(polling_flow(source=source, cursor=CURSOR, first="existing", identity={}))
    await look(world)
    assert started(world, workflow) == list(range(1, 2301))
    assert poll_row(world)["cursor"] == "2300"


async def test_several_workers_start_each_row_once(world: World, shop: Shop) -> None:
    shop.add(*range(1, 40))
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    await look(world, workers=3)
    shop.add(*range(40, 60))
    await look(world, workers=3)
    assert started(world, workflow) == list(range(1, 60))
    assert len(shop.recorder.asked) == 2, "one of them asks"


@pytest.mark.parametrize("part", [1, 3], ids=["each-row", "threes"])
async def test_a_kill_between_parts_loses_and_doubles_nothing(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    shop.add(*range(1, 11))
    workflow = world.workflow(
        polling_flow(f"{shop.recorder.url}/orders?since={{{{cursor}}}}", first="existing", cursor=CURSOR)
    )
    monkeypatch.setattr(storing, "PART", part)
    real, calls = repository.see, 0

    async def killed(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        rows = await real(*args)
        if calls in (2, 5, 6):
            raise asyncio.CancelledError  # as if the process were gone: nothing after it is done
        return rows

    monkeypatch.setattr(repository, "see", killed)
    for _ in range(8):
        with pytest.MonkeyPatch.context():
            try:
                await look(world)
            except asyncio.CancelledError:
                world.db.execute("update polls set lease_until = now() - interval '1 second' where lease is not null")
    world.engine.advance()
    assert started(world, workflow) == list(range(1, 11))
    world.balanced()


async def test_who_lost_the_lease_stores_nothing(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add(1, 2)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    real = PollSources.ask

    async def slow(self: PollSources, *args: Any, **more: Any) -> Any:
        answer = await real(self, *args, **more)
        world.db.execute("update polls set lease = gen_random_uuid()")
        return answer

    monkeypatch.setattr(PollSources, "ask", slow)
    await look(world)
    assert started(world, workflow) == [] and world.one("select count(*) from polled_rows") == 0
    monkeypatch.setattr(PollSources, "ask", real)
    world.db.execute("update polls set lease_until = now() - interval '1 second'")
    await look(world)
    assert started(world, workflow) == [1, 2]


async def test_a_pause_keeps_the_place(world: World, shop: Shop) -> None:
    shop.add(1)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders?since={{{{cursor}}}}", cursor=CURSOR))
    await look(world)
    world.set_status(workflow, "paused")
    shop.add(2, 3)
    asked = len(shop.recorder.asked)
    await look(world, minutes=600)
    assert started(world, workflow) == [] and len(shop.recorder.asked) == asked
    world.set_status(workflow, "active")
    await look(world)
    assert started(world, workflow) == [2, 3]


async def test_another_mapping_goes_on_and_another_source_begins_again(world: World, shop: Shop) -> None:
    shop.add(1)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    await look(world)
    world.publish(workflow, polling_flow(f"{shop.recorder.url}/orders", first="existing", attributes={"n": "$.id"}), 2)
    shop.add(2)
    await look(world)
    assert started(world, workflow) == [1, 2]
    world.publish(workflow, polling_flow(f"{shop.recorder.url}/other", first="existing"), 3)
    await look(world)
    assert started(world, workflow) == [1, 1, 2, 2]
    world.publish(workflow, polling_flow("", source={"kind": "url", "url": "", "items": "$"}), 4)
    await look(world)
    assert world.one("select count(*) from polls") == 0 and world.one("select count(*) from polled_rows") == 0


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500, b"down"), "It answered 500. It says: down"),
        (Reply(401), "It answered 401."),
        (Reply(200, b"<html>"), "no JSON"),
        (Reply(200, b'{"items": []}'), "There is no list at $.orders."),
        (Reply(200, b'{"orders": [{"name": "x"}]}'), "A row has no id at $.id."),
        (Reply(cut=True), "127.0.0.1"),
    ],
    ids=["status", "credentials", "html", "list", "id", "cut"],
)
async def test_errors_are_said_and_pauses_grow(world: World, shop: Shop, reply: Reply, words: str) -> None:
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    shop.recorder.answer = lambda asked: reply
    pauses = []
    for _ in range(3):
        await look(world, minutes=70)
        row = poll_row(world)
        pauses.append((row["next_at"] - world.one("select clock_now()")).total_seconds())
    assert words in row["error"] and row["failures"] == 3 and row["lease"] is None, row
    assert [round(pause / 60) for pause in pauses] == [1, 2, 4]
    shop.recorder.answer = shop.answer
    shop.add(1)
    await look(world, minutes=70)
    assert started(world, workflow) == [1]
    row = poll_row(world)
    assert (row["error"], row["failures"], row["failing_since"]) == (None, 0, None)


async def test_a_service_that_wants_to_be_left_alone_is(world: World, shop: Shop) -> None:
    world.workflow(polling_flow(f"{shop.recorder.url}/orders"))
    shop.recorder.answer = lambda asked: Reply(429, b"", {"Retry-After": "900"})
    await look(world)
    row = poll_row(world)
    assert timedelta(minutes=14) < row["next_at"] - world.one("select clock_now()") <= timedelta(minutes=15)


async def test_a_query_out_of_order_and_one_value_of_too_many_rows_are_refused(
    world: World, elsewhere: ForeignDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_orders(world, 1, 2, 3)
    connector = str(database_connector(world, elsewhere))
    backwards = {"kind": "query", "connectorId": connector, "query": QUERY + " desc"}
    world.workflow(polling_flow(source=backwards, cursor=CURSOR, first="existing"))
    await look(world)
    assert "add “order by”" in poll_row(world)["error"]
    monkeypatch.setattr("app.polls.sources.MOST_ROWS", 2)
    world.db.execute("delete from polls")
    same = {
        "kind": "query",
        "connectorId": connector,
        "query": "select id, 7 as n from elsewhere.orders where 7 >= :cursor order by id",
    }
    workflow = world.workflow(
        polling_flow(source=same, cursor={"path": "$.n", "kind": "number"}, first="existing", identity={})
    )
    await look(world)
    errors = world.db.execute("select error from polls where workflow_id = %s", (workflow,)).fetchone()
    assert errors and "Too many rows have the same value" in errors[0]
    assert started(world, workflow) == [1, 2]


async def test_a_silent_database_holds_up_no_other_and_opens_its_breaker(
    world: World, shop: Shop, elsewhere: ForeignDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_client, "CONNECT_S", 0.5)
    elsewhere.silent = True
    connector = database_connector(world, elsewhere)
    source = {"kind": "query", "connectorId": str(connector), "query": QUERY}
    world.workflow(polling_flow(source=source, cursor=CURSOR))
    shop.add(1)
    quick = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    for number in range(FAILURES + 1):
        shop.add(number + 2)
        await look(world, minutes=61)
    assert started(world, quick) == list(range(1, FAILURES + 3))
    assert world.one("select state from connectors") == "away"
    connections = elsewhere.connections
    world.db.execute("update connectors set probe_at = clock_now() + interval '1 day'")
    world.db.execute("update polls set next_at = clock_now()")
    await look(world, minutes=0)
    assert elsewhere.connections == connections, "while it is away nobody asks"
    assert world.one("select count(*) from polls where error like 'Its connector is away%%'") == 1


async def test_rows_that_name_nobody_are_left_out_and_counted(world: World, shop: Shop) -> None:
    shop.add(1, 2)
    shop.rows[0]["email"] = "nobody"
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    for _ in range(2):
        await look(world)
    assert started(world, workflow) == [2]
    assert (poll_row(world)["refused_rows"], poll_row(world)["total_rows"]) == (1, 1)


async def test_known_rows_are_forgotten_a_week_after_they_were_seen(world: World, shop: Shop) -> None:
    shop.add(1, 2)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing"))
    await look(world)
    shop.rows.pop(0)
    for _ in range(5):
        await look(world, minutes=60 * 40)
    await jobs.forget_polled_rows()
    assert world.one("select count(*) from polled_rows") == 1, "the one that is still in the list"
    await look(world)
    assert started(world, workflow) == [1, 2]


async def test_no_more_is_asked_for_while_too_much_waits(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "MOST_WAITING", 0)
    world.workflow(polling_flow(f"{shop.recorder.url}/orders"))
    await look(world)
    row = poll_row(world)
    assert not shop.recorder.asked and "So many of its starts wait" in row["error"]
    assert (row["failures"], row["failing_since"]) == (0, None), (
        "it is no fault of the source, and the pause does not grow"
    )


async def test_two_polls_of_a_workspace_are_under_way_at_most(world: World, shop: Shop) -> None:
    for _ in range(5):
        world.workflow(polling_flow(f"{shop.recorder.url}/orders"))
    async with jobs.database.job_engine() as engine, jobs.AsyncSession(engine) as session:
        await look(world)
        world.db.execute("update polls set next_at = %s", (datetime(2026, 1, 1, tzinfo=UTC),))
        assert len(await repository.take_due(session, 16, failing=8)) == repository.MOST_OF_WORKSPACE
        assert await repository.take_due(session, 16, failing=8) == []
        await session.rollback()
