"""Processes that live and do nothing any more are known by heartbeats that stand still, and by nothing else."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.lib.heartbeat import BEAT
from app.local.frozen_processes import LOOK_EVERY_S, STUCK_AFTER_S, FrozenProcesses, beats
from app.local.supervisor import WEB_DEAD_AFTER_S, WEB_STARTS_IN_S, overdue
from tests.fixtures.database import CommittedDatabase

START = datetime(2026, 6, 1, tzinfo=UTC)


class Machine:
    """Processes that write heartbeats each five seconds, a database that may be away, and a clock that is moved."""

    def __init__(self, *pids: int) -> None:
        self.now, self.away = 1000.0, False
        self.stopped = set[int]()
        self.written = dict.fromkeys(pids, START)
        self.frozen = FrozenProcesses(self._beats)

    def _beats(self) -> dict[int, datetime]:
        if self.away:
            raise psycopg.OperationalError("no database")
        return dict(self.written)

    def pass_time(self, seconds: float) -> set[int]:
        """Answers who was seen to be frozen meanwhile."""
        seen = set[int]()
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            if not self.away and self.now % 5 == 0:
                now = START + timedelta(seconds=self.now)
                self.written |= {pid: now for pid in self.written if pid not in self.stopped}
            seen |= set(self.frozen.look(self.now, [1, 2]))
        return seen


def test_who_stands_still_is_seen_after_a_minute_and_nobody_else() -> None:
    machine = Machine(1, 2)
    assert machine.pass_time(300) == set()
    machine.stopped = {2}
    assert machine.pass_time(STUCK_AFTER_S - 10) == set()
    assert machine.pass_time(10 + 2 * LOOK_EVERY_S) == {2}


def test_who_goes_on_in_time_was_only_slow() -> None:
    machine = Machine(1, 2)
    machine.pass_time(20)
    for _ in range(5):
        machine.stopped = {1, 2}
        assert machine.pass_time(STUCK_AFTER_S - 15) == set()
        machine.stopped = set()
        assert machine.pass_time(15) == set()


@pytest.mark.parametrize("seconds", [30, 3_600])
def test_a_database_that_was_away_is_nobodys_fault(seconds: float) -> None:
    machine = Machine(1, 2)
    machine.pass_time(20)
    machine.away = True
    assert machine.pass_time(seconds) == set()
    machine.away, machine.stopped = False, {2}
    assert machine.pass_time(STUCK_AFTER_S - 10) == set()
    assert machine.pass_time(10 + 2 * LOOK_EVERY_S) == {2}


def test_others_and_those_that_start_are_left_alone() -> None:
    machine = Machine(1, 3)
    machine.stopped = {3}
    assert machine.pass_time(200) == set()


def test_heartbeats_are_read_as_they_are_written(committed_database: CommittedDatabase) -> None:
    with committed_database.connect() as connection:
        for host, pid in ((socket.gethostname(), os.getpid()), ("elsewhere", 7)):
            connection.execute(BEAT, (f"worker:{host}:{pid}", "worker", Jsonb({})))
    assert beats(committed_database.url).keys() == {os.getpid()}


@pytest.mark.parametrize(
    ("unanswered_s", "age_s", "silent"),
    [
        (0.5, 3600, None),
        (WEB_DEAD_AFTER_S - 1, 3600, None),
        (WEB_DEAD_AFTER_S + 1, 3600, WEB_DEAD_AFTER_S + 1),
        (WEB_DEAD_AFTER_S + 1, WEB_DEAD_AFTER_S + 1.5, WEB_DEAD_AFTER_S + 1),
        (WEB_DEAD_AFTER_S + 1, WEB_DEAD_AFTER_S + 1, None),
        (3600, WEB_STARTS_IN_S - 1, None),
        (3600, WEB_STARTS_IN_S + 1, WEB_STARTS_IN_S + 1),
    ],
)
def test_a_web_process_that_never_answered_has_the_time_of_a_start(
    unanswered_s: float, age_s: float, silent: float | None
) -> None:
    assert overdue(unanswered_s, age_s) == silent
