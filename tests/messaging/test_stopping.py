"""A worker that stops, dies, freezes, or loses its database: only what was being handed over can be uncertain, and nothing leaves twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from app.messaging import commits, deliver, ledger, shares
from app.messaging.commits import Commits
from tests.messaging.world import World

WORKER = """
from dramatiq import Worker
from app.lib import jobs, polling
from app.messaging.jobs import deliver
broker = jobs.broker()
broker.add_middleware(polling.PollingMiddleware([deliver]))
polling.work_until_stopped(Worker(broker, worker_threads=1), stop_ms=20_000)
"""
"""A worker as `app.worker` runs it, with one poll."""


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", WORKER], env=os.environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


@pytest.mark.slow
def test_sigterm_with_a_thousand_queued(world: World) -> None:
    world.backlog(1000)
    world.sink.script["DOT"] = [0.4] * 1000
    with worker() as process:
        wait_for(lambda: len(world.sink.mails) >= 5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    sent = len(world.sink.mails)
    assert world.words() == {"sent": sent, "queued": 1000 - sent} and sent < 500
    assert world.value("select count(*) from messages where lease_until is not null") == 0, (
        "given back, not left to end"
    )
    assert world.value("select max(attempt) from messages where status = 0") == 0
    assert world.value("select count(*) from messages where status = 0 and due_at <= clock_now()") == 1000 - sent
    world.sink.script.clear()
    world.deliver(120)
    assert world.words() == {"sent": 1000} == world.counters()
    assert len(world.sink.ids) == 1000 and set(world.sink.ids.values()) == {1}


def test_sigterm_while_a_server_does_not_even_greet(world: World) -> None:
    """Nothing was begun, so nothing is waited for."""
    world.backlog(50)
    world.sink.script["EHLO"] = ["hang"] * 50
    with worker() as process:
        wait_for(lambda: world.sink.connections >= shares.CONNECTIONS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert world.words() == {"queued": 50}
    assert world.value("select count(*) from messages where lease_until is not null or attempt > 0") == 0
    world.sink.release()


def test_kill_9_twice(world: World) -> None:
    world.backlog(120)
    for _ in range(2):
        world.sink.script["DOT"] = ["hang"] * shares.CONNECTIONS
        with worker() as process:
            wait_for(lambda: world.sink.inside == shares.CONNECTIONS)
            process.kill()
            process.wait()
        wait_for(lambda: world.sink.inside == 0)
    world.sink.script.clear()
    assert world.words() == {"sending": 2 * shares.CONNECTIONS, "queued": 120 - 2 * shares.CONNECTIONS}
    world.deliver()
    assert world.words()["queued"] > 0, "what was claimed waits for the end of the claim"
    world.end_leases()
    world.deliver()
    assert (
        world.words() == {"uncertain": 2 * shares.CONNECTIONS, "sent": 120 - 2 * shares.CONNECTIONS} == world.counters()
    )
    assert set(world.sink.ids.values()) == {1}


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_kill_9_before_anything_was_handed_over(world: World, verb: str) -> None:
    world.backlog(30)
    world.sink.script[verb] = ["hang"] * shares.CONNECTIONS
    with worker() as process:
        wait_for(lambda: not world.sink.script[verb])
        process.kill()
    world.end_leases()
    world.deliver()
    assert world.words() == {"sent": 30} and set(world.sink.ids.values()) == {1}


def test_a_frozen_worker_that_wakes_up_after_its_leases(world: World) -> None:
    """Ten mails stand before their intent; others take them over, and the owner of old finds nothing that is still its own."""
    world.backlog(40)
    world.sink.script["RCPT"] = ["hang"] * shares.CONNECTIONS
    with worker() as process:
        wait_for(lambda: not world.sink.script["RCPT"])
        process.send_signal(signal.SIGSTOP)
        world.end_leases()
        world.deliver()
        assert world.words() == {"sent": 40}
        process.send_signal(signal.SIGCONT)
        world.sink.release()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert world.words() == {"sent": 40} == world.counters()
    assert set(world.sink.ids.values()) == {1}


class Outage:
    """A database that is away for `seconds` of the clock of leases, from when the first outcome is to be written."""

    sent_before = sent_during = 0
    """Mails that had left when it began, and when it last refused to write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float, sink: Any) -> None:
        self.left, self.begun, self.passed = seconds, False, 0.0
        real, settle = commits.running_time, ledger.settle
        for module in (commits, deliver):
            monkeypatch.setattr(module, "running_time", lambda: real() + self.passed)
        monkeypatch.setattr(commits, "BACK_OFF_S", 0.01)
        monkeypatch.setattr(commits, "LONGEST_BACK_OFF_S", 0.05)
        write = Commits.transaction

        async def transaction(commits: Commits, work: Any) -> Any:
            if self.begun and self.left > 0:
                self.left -= 10
                self.passed += 10
                self.sent_during = len(sink.mails)
                raise psycopg.OperationalError("the connection is closed")
            return await write(commits, work)

        def first(connection: Any, moves: Any) -> Any:
            if not self.begun:
                self.begun, self.sent_before = True, len(sink.mails)
                raise psycopg.OperationalError("the connection is lost")
            return settle(connection, moves)

        monkeypatch.setattr(Commits, "transaction", transaction)
        monkeypatch.setattr(ledger, "settle", first)


def test_the_database_is_away_for_a_minute_while_outcomes_are_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.backlog(60)
    Outage(monkeypatch, 60, world.sink)
    world.deliver()
    world.end_leases()
    world.deliver()
    assert world.words() == {"sent": 60} == world.counters()
    assert set(world.sink.ids.values()) == {1}


def test_the_database_is_away_for_longer_than_the_leases(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.backlog(60)
    outage = Outage(monkeypatch, 400, world.sink)
    with suppress(psycopg.OperationalError):
        world.deliver()
    outage.left = 0
    known = len(world.sink.mails)
    # Each connection has one mail at most whose intent was written before.
    assert 0 < outage.sent_during <= outage.sent_before + shares.CONNECTIONS, (
        "nothing leaves whose intent cannot be written"
    )
    world.end_leases()
    world.deliver()
    assert world.words().get("uncertain", 0) <= known
    assert sum(world.words().values()) == 60 and set(world.sink.ids.values()) == {1} and len(world.sink.ids) == 60
