"""Somebody holds what a worker needs: the turn, a table, a contact, or a frozen process its locks. Whatever can move does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.engine import claim, claim_lock, integrity
from app.engine.advance import Engine
from app.engine.progress import progress
from app.engine.work_status import work_status
from app.lib import database, heartbeat
from app.lib.database_roles import DatabaseRole
from tests.engine.workers import work_and_freeze
from tests.fixtures import forked
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARKED = flow(
    "go", [node("d", "delay", duration=1, unit="hours"), node("t", "add_tag", tag="late")], ("trigger", "d"), ("d", "t"),
    settings={"reentry": "always"},
)  # fmt: skip


@contextmanager
def somebody(world: World, url: str, *statements: str, **arguments: Any) -> Iterator[psycopg.Connection[Any]]:
    """Another session, as of a person with psql, that executes these in a transaction and then does nothing."""
    with psycopg.connect(url, application_name="psql") as connection:
        for statement in statements:
            connection.execute(statement, arguments)
        yield connection
        connection.rollback()


def tags(world: World, people: list[UUID]) -> list[list[str]]:
    return [world.one("select tags from contacts where id = %s", person) for person in people]


def test_timers_go_on_though_somebody_keeps_the_turn(world: World, committed_database: CommittedDatabase) -> None:
    world.travel(NOON)
    workflow = world.workflow(PARKED)
    people = world.contacts(3)
    world.emit("go", people)
    with somebody(world, committed_database.url, f"select pg_advisory_xact_lock({claim_lock._TURN})"):
        world.put("go", people)
        world.travel(NOON + timedelta(hours=1))
        assert world.runs(workflow) == {"completed": 3}
        assert progress.report()["heldUp"]["events"]["by"] == "turn"
        assert world.one("select count(*) from inbox") == 3
        began = time.monotonic()
        for _ in range(20):
            world.engine.advance()
        assert time.monotonic() - began < 3, "who waited once in vain looks only whether the turn is free"
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 3, "waiting": 3}
    assert progress.report()["heldUp"] == {}
    assert integrity.check(world.db) == []


@pytest.mark.parametrize(
    "held", ["lock table active_runs", "lock table contacts", "lock table inbox in exclusive mode"]
)
async def test_a_locked_table_ends_the_round_and_is_told(
    world: World, committed_database: CommittedDatabase, held: str
) -> None:
    workflow = world.workflow(PARKED)
    people = world.contacts(2)
    world.put("go", people)
    with somebody(world, committed_database.url, held) as holder:
        world.engine.advance()
        assert world.one("select count(*) from inbox") == 2
        assert "events" in progress.report()["heldUp"]
        waiter = _wait_for_lock(committed_database)
        async with database.transaction(DatabaseRole.ENGINE) as session:
            found = await work_status(session)
        waiter.cancel()
        waiter.close()
        told = [one for one in found.blocking if one.pid == holder.info.backend_pid]
        assert told and "psql" in told[0].who and held in told[0].words
        assert "does nothing inside a transaction" in told[0].words
        assert (found.locked == ["active_runs"]) is found.stuck is (held == "lock table active_runs")
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 2}
    assert progress.report()["heldUp"] == {}


def _wait_for_lock(committed_database: CommittedDatabase) -> psycopg.Connection[Any]:
    """A session that waits, so that there is somebody to be seen waiting."""
    waiter = committed_database.connect()
    waiter.pgconn.send_query(b"begin; lock table active_runs, contacts, inbox in share row exclusive mode")
    with committed_database.connect() as watch:
        waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and pid = %s"
        while not watch.execute(waits, (waiter.info.backend_pid,)).fetchone():
            time.sleep(0.01)
    return waiter


def test_whoever_has_the_turn_waits_for_no_contact_for_long(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can claim events meanwhile. Afterwards it waits as long as ever."""
    world.workflow({**PARKED, "goals": [{"id": "bought", "event": "bought"}]})
    people = world.contacts(2)
    waits: dict[str, Any] = {}
    for name in ("contacts", "active_runs"):
        ask = getattr(claim, name)

        def asks(cursor: Any, *arguments: Any, ask: Any = ask, name: str = name) -> Any:
            waits[name] = cursor.connection.execute("show lock_timeout").fetchone()[0]
            return ask(cursor, *arguments)

        monkeypatch.setattr(claim, name, asks)
    with database.connect("engine", DatabaseRole.ENGINE) as connection:
        engine = Engine(connection)
        world.put("bought", people)
        engine.advance()
        assert waits == {"contacts": "500ms", "active_runs": "3s"}
        assert connection.execute("show lock_timeout").fetchone() == ("3s",)
        engine.close()
    world.put("bought", people)
    world.engine.advance()
    assert waits == {"contacts": "300ms", "active_runs": "300ms"}, "one that waits shorter anyway stays as it is"


def test_who_is_free_again_when_one_looks_is_waited_for_again(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held a contact has let it go in the meantime: the events are handled in this round."""
    workflow = world.workflow(PARKED)
    first, *others = world.contacts(3)
    busy = claim.busy
    with somebody(
        world, committed_database.url, "select * from contacts where id = %(who)s for update", who=first
    ) as it:

        def let_go(*arguments: Any) -> Any:
            it.rollback()
            return busy(*arguments)

        monkeypatch.setattr(claim, "busy", let_go)
        world.emit("go", [first, *others])
        assert world.runs(workflow) == {"waiting": 3}
    monkeypatch.setattr(claim, "busy", lambda *_: [])
    with somebody(world, committed_database.url, "select * from contacts where id = %(who)s for update", who=first):
        world.emit("go", [first])  # always held, and always free when one looks: it does not go on for ever
    assert world.one("select count(*) from inbox") == 1


@pytest.mark.parametrize("held", ["contacts", "active_runs"])
def test_who_is_held_by_somebody_holds_up_nobody_else(
    world: World, committed_database: CommittedDatabase, held: str
) -> None:
    """A contact that an import, a person with psql or a frozen process has locked, or one of whose runs."""
    graph = {**PARKED, "goals": [{"id": "bought", "event": "bought"}]}
    workflow = world.workflow(graph)
    first, *others = people = world.contacts(5)
    world.emit("go", people)
    column = "id" if held == "contacts" else "contact_id"
    with somebody(
        world, committed_database.url, f"select * from {held} where {column} = %(who)s for update", who=first
    ):
        for person in [first, *others, first]:
            world.put("bought", [person])
        world.put("go", [first])
        world.engine.advance()
        assert world.runs(workflow) == {"goal_reached": 4, "waiting": 1}
        assert world.one("select array_agg(name order by id) from inbox") == ["bought", "bought", "go"]
        world.emit("go", others)
        assert world.runs(workflow) == {"goal_reached": 4, "waiting": 5}
    world.engine._looked = 0.0
    world.engine.advance()
    assert world.runs(workflow) == {"goal_reached": 5, "waiting": 5}
    assert world.engine.busy == set()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("place", ["claimed", "written"])
def test_a_frozen_process_loses_its_locks(world: World, committed_database: CommittedDatabase, place: str) -> None:
    """SIGSTOP inside a transaction, with the events of everybody in its hands."""
    workflow = world.workflow(PARKED)
    people = world.contacts(30)
    world.put("go", people)
    frozen = forked.begun(work_and_freeze, committed_database.url, place)
    try:
        _, status = os.waitpid(frozen.pid or 0, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        world.engine.advance()
        assert world.runs(workflow) == {}
        deadline = time.monotonic() + 20
        while world.runs(workflow) != {"waiting": 30}:
            assert time.monotonic() < deadline
            world.engine.advance()
    finally:
        os.kill(frozen.pid or 0, signal.SIGKILL)
        os.kill(frozen.pid or 0, signal.SIGCONT)
        os.waitpid(frozen.pid or 0, 0)
    assert integrity.check(world.db) == []


def test_a_session_that_hangs_inside_copy_is_ended_by_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own limits do not see it: it waits for the client in the middle of a statement."""
    monkeypatch.setattr(heartbeat, "FROZEN_AFTER_S", 0)
    hanging = database.connect("engine")
    mine = database.connect("command")
    hanging.execute("begin")
    hanging.execute("select pg_advisory_xact_lock(1)")
    hanging.pgconn.exec_(b"copy contacts (id) from stdin")
    hung = hanging.info.backend_pid
    assert world.one("select count(*) from pg_locks where locktype = 'advisory' and pid = %s", hung) == 1
    with database.connect("heartbeat", None) as watching, mine.transaction():
        mine.execute("select 1")
        assert heartbeat.end_frozen(watching) == 1
        mine.execute("select 1")  # a person's session may take its time
    deadline = time.monotonic() + 10
    while world.one("select count(*) from pg_stat_activity where pid = %s", hung):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    hanging.close()
    mine.close()


WANTED = {"idle_in_transaction_session_timeout": "15s", "statement_timeout": "30s", "timezone": "UTC"}


async def test_no_connection_waits_for_ever(committed_database: CommittedDatabase) -> None:
    """What each of them says to the server; and to the kernel, for a server whose machine is gone."""
    with database.connect("engine") as connection:
        shown = {name: connection.execute(f"show {name}").fetchone() for name in [*WANTED, "lock_timeout"]}
        assert shown == {name: (value,) for name, value in {**WANTED, "lock_timeout": "3s"}.items()}
        given = connection.info.get_parameters()
        assert {"keepalives_idle", "tcp_user_timeout", "connect_timeout"} <= given.keys()
    async with database.transaction() as session:
        (name, lock), *_ = await database.execute(
            session, "select current_setting('application_name'), current_setting('lock_timeout')"
        )
        assert (name, lock) == ("throughline web", "8s")
    async with database.job_engine() as made, made.connect() as job:
        found = await job.exec_driver_sql("show idle_in_transaction_session_timeout")
        assert found.scalar_one() == "15s"
