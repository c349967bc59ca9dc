"""Two workers that note what calls said of the same connectors never wait for each other in a circle."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.connectors import breaker_repository, gate_repository
from app.connectors.call_signs import CallSign
from app.flow.performers import ServiceSign
from tests.engine.calling import connect
from tests.engine.calling_by_connectors import connector
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

REFUSED = ServiceSign(False, "It answered 401.", refused=True, again=True)
BUSY = ServiceSign(True, wait_s=60.0)


class Meeting:
    """A connection whose transaction stands still once, after its first write, until the other's has written too, or waits for it."""

    def __init__(self, connection: psycopg.Connection[Any], barrier: threading.Barrier) -> None:
        self.connection, self.barrier = connection, barrier

    def execute(self, sql: str, *arguments: Any) -> Any:
        cursor = self.connection.execute(sql, *arguments)
        if "paused_until" in sql:
            with suppress(threading.BrokenBarrierError):
                self.barrier.wait(0.7)
        return cursor


def note(url: str, barrier: threading.Barrier, signs: Sequence[CallSign]) -> list[str]:
    with connect(url) as connection, connection.transaction():
        meeting: Any = Meeting(connection, barrier)
        return [change.state for change in breaker_repository.note(meeting, signs)[1]]


def test_one_refuses_what_the_other_pauses_and_the_other_way_round(
    world: World, committed_database: CommittedDatabase
) -> None:
    one, two = sorted((connector(world), connector(world)))
    began, barrier = world.one("select clock_now()"), threading.Barrier(2)

    def sign(of: UUID, what: ServiceSign) -> CallSign:
        return CallSign((world.tenant, of), began, what)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(note, committed_database.url, barrier, [sign(one, REFUSED), sign(two, BUSY)])
        second = pool.submit(note, committed_database.url, barrier, [sign(two, REFUSED), sign(one, BUSY)])
        assert (first.result(20), second.result(20)) == (["paused"], ["paused"])
    assert world.one("select count(*) from connectors where state = 'paused' and paused_until is not null") == 2


@pytest.mark.parametrize("limits", [{"rate": 5, "seconds": 1}, {"most": 3}])
def test_who_looks_for_work_does_not_wait_for_a_gate_that_another_makes(
    world: World, committed_database: CommittedDatabase, limits: dict[str, int]
) -> None:
    one, two = connector(world, **limits), connector(world, **limits)
    began = world.one("select clock_now()")
    failed = ServiceSign(False, "It answered 500.")
    url = committed_database.url
    with connect(url) as first, connect(url) as second, first.transaction(), second.transaction():
        for connection, noted in ((first, one), (second, two)):
            connection.execute("set local lock_timeout = '3s'")
            breaker_repository.note(connection, [CallSign((world.tenant, noted), began, failed)])
        for connection, wanted in ((first, two), (second, one)):
            gates = gate_repository.open_gates(connection, [(world.tenant, wanted)])
            assert gates[world.tenant, wanted].busy
