"""Months leave as a whole: counted first, taken out beside readers and writers, finished after whatever interrupted it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.engine import integrity
from app.inbox import InboxKind
from app.lib.ids import first_uuid7_of, uuid7
from app.lib.months import Month, bounds
from app.models.status import MessageStatus
from app.retention import jobs, leaving, leaving_repository, month_repository, months
from app.retention.rules import A_YEAR_AND_A_MONTH
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NEXT = months.this_month().later(1)
"""A month with parts of its own; the oldest part has all that was before."""
AFTER = datetime(NEXT.later(1).year, NEXT.later(1).month, 1, tzinfo=UTC)
FLOW = flow(
    "go",
    [
        node("c", "condition", conditions=[rule("contact.source", "equals", "web")]),
        node("mail", "send_email", templateId=str(uuid7())),
        node("d", "delay", duration=1, unit="days"),
        node("end", "end"),
    ],
    ("trigger", "c"), ("c", "mail", "true"), ("c", "d", "false"), ("d", "end"), ("mail", "end"),
    settings={"reentry": "always"},
)  # fmt: skip


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


def connect(world: World, **limits: int) -> psycopg.Connection[Any]:
    """As housekeeping's."""
    options = " ".join(f"-c {name}={value}" for name, value in {"statement_timeout": 0, **limits}.items())
    return psycopg.connect(world.engine.connection.info.dsn, autocommit=True, options=options)


def begin(world: World, workflow: UUID, month: Month, *, source: str = "web", count: int = 3) -> list[UUID]:
    """Runs whose ids say that they began in this month."""
    first = first_uuid7_of(datetime(month.year, month.month, 5, tzinfo=UTC))
    ids = [UUID(bytes=first.bytes[:8] + uuid7().bytes[8:]) for _ in range(count)]
    for run_id, contact in zip(ids, world.contacts(count, source=source), strict=True):
        world.put("manual", [contact], kind=int(InboxKind.START), workflow_id=workflow, run_id=run_id)
    world.engine.advance()
    return ids


def send(world: World) -> None:
    """All messages are sent."""
    world.db.execute("update messages set status = %s, due_at = null", (int(MessageStatus.SENT),))
    world.db.execute(
        "with queued as (delete from node_stats where key = 'message.queued' returning *)"
        " insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)"
        " select tenant_id, workflow_id, version, node_id, 'message.sent', shard, n from queued"
        " on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n"
    )


def leave(world: World, before: datetime = AFTER, kind: str = "runs") -> list[str]:
    with connect(world) as connection:
        return leaving.leave(connection, {kind: {world.tenant: before}})


def rows(world: World) -> dict[str, int]:
    return {table: world.one(f"select count(*) from {table}") for table in leaving_repository.TABLES["runs"]}


def whole(world: World) -> bool:
    """Every part is there, nothing is left over, and the database is whole."""
    parts = [(part.table, part.first, part.until) for part in month_repository.parts(world.db) if not part.pending]
    by_table = {table: sum(1 for part in parts if part[0] == table) for table in month_repository.TABLES}
    left_over = world.one("select count(*) from leaving_months") + world.one(
        "select count(*) from retired_stats where month <> ''"
    )
    return len(set(by_table.values())) == 1 and not left_over and integrity.check(world.db) == []


def test_a_month_leaves_and_its_numbers_stay(world: World) -> None:
    workflow = world.workflow(FLOW)
    begin(world, workflow, NEXT)
    world.db.execute("insert into step_attempts (tenant_id, run_id, seq, attempt, error_message, at)"
                     " select tenant_id, id, 1, 1, 'e', now() from ended_runs limit 1")  # fmt: skip
    send(world)
    stays = begin(world, workflow, months.this_month().later(2))
    send(world)
    counted, before = world.counters(), rows(world)
    assert leave(world) == ["runs_before", f"runs_{NEXT.suffix}"][1:]
    assert {run_id for (run_id,) in world.db.execute("select id from runs")} == set(stays)
    assert rows(world) == {
        "messages": 3,
        "message_reports": 0,
        "step_attempts": 0,
        "outbound_calls": 0,
        "run_logs": 0,
        "steps": before["steps"] // 2,
        "sub_runs": 0,
        "ended_runs": 3,
    }
    assert world.counters() == counted, "what the pages show"
    assert world.one("select sum(n) from retired_stats where key = 'entered'") == 3
    assert world.one("select at from history_starts where tenant_id = %s and rule = 'runs'", world.tenant) == AFTER
    assert whole(world)
    # A run that waited all the time would find its month.
    begin(world, workflow, NEXT, count=1)
    send(world)
    assert world.one("select count(*) from runs") == 4
    assert leave(world) == [f"runs_{NEXT.suffix}"]
    assert world.one("select sum(n) from retired_stats where key = 'entered'") == 4
    assert whole(world)


async def test_housekeeping_lets_them_leave_by_the_role_that_owns_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After as long as each workspace keeps its runs, and events for their part."""
    workflow = world.workflow(FLOW)
    begin(world, workflow, NEXT)
    send(world)
    months_later = AFTER + timedelta(days=A_YEAR_AND_A_MONTH)
    for now, count in ((months_later - timedelta(hours=1), 3), (months_later + timedelta(hours=1), 0)):
        monkeypatch.setattr("app.lib.clock.now", lambda now=now: now)
        await jobs.let_months_leave()
        assert world.one("select count(*) from ended_runs") == count
    assert whole(world)
    begin(world, workflow, NEXT, count=1)


def test_a_month_stays_while_somebody_needs_it(world: World) -> None:
    workflow = world.workflow(FLOW)
    world.travel(datetime(2026, 6, 1, 12, tzinfo=UTC))
    begin(world, workflow, NEXT, source="app")
    assert leave(world) == [], "a run of it is under way"
    world.travel(datetime(2026, 6, 3, 12, tzinfo=UTC))
    begin(world, workflow, NEXT)
    for status, due in ((0, None), (1, None), (9, "now()")):
        world.db.execute(f"update messages set status = {status}, due_at = {due or 'null'}")
        assert leave(world) == [], "a message of it may still leave"
    send(world)
    assert leave(world, AFTER - timedelta(seconds=1)) == [], "one is too young"
    other = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    world.db.execute(
        "insert into ended_runs (tenant_id, id, workflow_id, workflow_version, started_at, completed_at, status, seq)"
        " values (%s, %s, %s, 1, now(), now(), 4, 0)",
        (other, bounds(NEXT)[0], uuid7()),
    )
    for limit in (None, AFTER - timedelta(days=1)):
        with connect(world) as connection:
            assert leaving.leave(connection, {"runs": {world.tenant: AFTER, other: limit}}) == [], "somebody keeps it"
    with connect(world) as connection:
        assert leaving.leave(connection, {"runs": {world.tenant: AFTER}}) == [f"runs_{NEXT.suffix}"], "nobody does"


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A connection of a process that dies before statement `number`."""

    def __init__(self, connection: psycopg.Connection[Any], number: int) -> None:
        self.connection, self.number, self.seen = connection, number, list[str]()

    def execute(self, sql: str, *arguments: Any) -> Any:
        if len(self.seen) == self.number:
            raise Killed
        self.seen.append(sql)
        return self.connection.execute(sql, *arguments)

    def transaction(self) -> Any:
        return self.connection.transaction()


@pytest.mark.parametrize("kind", ["runs", "events"])
def test_who_dies_before_any_statement_leaves_what_the_next_round_finishes(world: World, kind: str) -> None:
    workflow = world.workflow(FLOW)
    number, entered = 0, 0
    while True:
        world.db.execute(
            "with e as (insert into events (tenant_id, id, name, key, occurred_at) values (%s, %s, 'x', %s, now()) returning *)"
            " insert into event_keys (tenant_id, of_request, key, event_id) select tenant_id, false, key, id from e",
            (world.tenant, UUID(int=bounds(NEXT)[0].int + number), f"k{number}"),
        )
        if kind == "runs":
            begin(world, workflow, NEXT, count=2)
            send(world)
            entered += 2
        with connect(world) as connection:
            mortal: Any = Mortal(connection, number)
            with contextlib.suppress(Killed):
                leaving.leave(mortal, {kind: {world.tenant: AFTER}})
            died = len(mortal.seen) == number
        assert integrity.check(world.db) == [], f"after {mortal.seen[-1:]}"
        leave(world, kind=kind)
        assert whole(world), f"finished after {mortal.seen[-1:]}"
        assert world.one("select count(*) from ended_runs") == 0
        assert world.one("select coalesce(sum(n), 0) from retired_stats where key = 'entered'") == entered
        if kind == "events":
            assert world.one("select count(*) from events") + world.one("select count(*) from event_keys") == 0
        if not died:
            break
        number += 1
    assert number > (30 if kind == "runs" else 15), "all statements were reached"
    assert any("concurrently" in sql for sql in mortal.seen)


def test_what_was_interrupted_while_it_waited_for_a_reader_is_finished(world: World) -> None:
    """The part is neither in nor out: only FINALIZE helps."""
    workflow = world.workflow(FLOW)
    begin(world, workflow, NEXT)
    send(world)
    with psycopg.connect(world.engine.connection.info.dsn) as reader:
        reader.execute("select count(*) from messages")
        with connect(world, lock_timeout=50) as connection, pytest.raises(psycopg.errors.LockNotAvailable):
            leaving.leave(connection, {"runs": {world.tenant: AFTER}})
        assert [part.name for part in month_repository.parts(world.db) if part.pending] == [f"messages_{NEXT.suffix}"]
        assert integrity.check(world.db) == []
        begin(world, workflow, months.this_month().later(2), count=1)
    assert leave(world) == [f"runs_{NEXT.suffix}"]
    assert rows(world)["ended_runs"] == 1
    send(world)
    assert whole(world)


def test_readers_and_writers_go_on_while_a_month_waits_to_leave(world: World) -> None:
    """A reader that does not end holds up the month alone: nobody else waits for a lock."""
    workflow = world.workflow(FLOW)
    begin(world, workflow, NEXT)
    send(world)
    waits = "select count(*) from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
    with psycopg.connect(world.engine.connection.info.dsn) as reader, connect(world) as connection:
        reader.execute("select count(*) from runs")
        reader.execute("select count(*) from messages")
        thread = threading.Thread(target=leaving.leave, args=(connection, {"runs": {world.tenant: AFTER}}))
        thread.start()
        try:
            while not world.one(waits, connection.info.backend_pid):
                assert thread.is_alive()
            world.db.execute("set lock_timeout = 1")
            for month in (months.this_month(), months.this_month().later(2)):
                begin(world, workflow, month, count=30)
            for sql in (
                "select count(*) from runs where workflow_id = %s",
                "select count(*) from steps s join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id where r.workflow_id = %s",
                "update messages set error_message = null where workflow_id = %s",
                "delete from messages where workflow_id = %s and false",
            ):
                world.db.execute(sql, (workflow,))
            assert world.one("select count(*) from messages") == 60, "those that leave are not there any more"
            assert world.one(waits, connection.info.backend_pid) == 1, "it still waits, and waited all the time"
        finally:
            reader.rollback()
            thread.join(30)
        assert not thread.is_alive()
    send(world)
    assert whole(world)


def test_an_emptied_month_of_years_ago_goes_for_good(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each year would leave twelve empty parts of each table behind."""
    names = len(month_repository.parts(world.db))
    later = NEXT.later(leaving.KEPT_EMPTY)
    for month, left in ((later.later(-1), []), (later, ["runs_before"]), (later.later(1), [f"runs_{NEXT.suffix}"])):
        monkeypatch.setattr(months, "this_month", lambda month=month: month)
        assert leave(world) == left
    assert len(month_repository.parts(world.db)) == names - 2 * len(leaving_repository.TABLES["runs"])
    assert leave(world) == []


def test_a_message_that_is_sent_again_while_its_month_leaves_ends_with_it(world: World) -> None:
    workflow = world.workflow(FLOW)
    begin(world, workflow, NEXT, count=2)
    send(world)
    with psycopg.connect(world.engine.connection.info.dsn) as reader:
        reader.execute("select count(*) from messages")
        with connect(world, lock_timeout=50) as connection, pytest.raises(psycopg.errors.LockNotAvailable):
            leaving.leave(connection, {"runs": {world.tenant: AFTER}})
    # Who had looked at it before still sees it.
    world.db.execute(f"update messages_{NEXT.suffix} set status = 0, due_at = now() where seq = 2 and run_id = ("
                     f" select min(run_id::text)::uuid from messages_{NEXT.suffix})")  # fmt: skip
    world.db.execute("update node_stats set n = n - 1 where key = 'message.sent'")
    world.db.execute(
        "insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)"
        " select tenant_id, workflow_id, version, node_id, 'message.queued', shard, 1 from node_stats"
        " where key = 'message.sent'"
    )
    leave(world)
    counts = {key: n for (_, key), n in world.counters().items() if key.startswith("message.")}
    assert counts == {"message.sent": 1, "message.failed": 1}
    assert whole(world)
