"""Asking whether work is due, on connections that stay."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.lib import database
from app.lib.due_work import DueLooks
from tests.fixtures.database import CommittedDatabase

NONE, ONE = "select 1 where false", "select 1"


@pytest.fixture
def opened(committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Connection[Any]]:
    """The connections that were opened."""
    connections: list[psycopg.Connection[Any]] = []

    def counted(*arguments: Any) -> psycopg.Connection[Any]:
        connections.append(real(*arguments))
        return connections[-1]

    real = database.connect
    monkeypatch.setattr(database, "connect", counted)
    return connections


def test_many_looks_take_one_connection(opened: list[Any]) -> None:
    looks = DueLooks()
    assert [looks.is_any(query) for query in (NONE, ONE, NONE, ONE) * 5] == [False, True, False, True] * 5
    assert len(opened) == 1


def test_looks_at_the_same_moment_do_not_wait_for_each_other(opened: list[Any]) -> None:
    looks = DueLooks()
    opened_by = threading.Barrier(4)

    def look(_: int) -> bool:
        opened_by.wait(30)
        return looks.is_any("select 1 from pg_sleep(0.2)")

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(look, range(4)))
    assert [connection.closed for connection in opened].count(False) == DueLooks.MOST_IDLE


@pytest.mark.parametrize("broken", ["select pg_terminate_backend({pid})", "closed here"])
def test_a_connection_that_broke_meanwhile_is_another_one(opened: list[Any], broken: str) -> None:
    looks = DueLooks()
    assert looks.is_any(ONE)
    if broken == "closed here":
        opened[0].close()
    else:
        with psycopg.connect(database.dsn(), autocommit=True) as other:
            other.execute(broken.format(pid=opened[0].info.backend_pid))
    assert looks.is_any(ONE) and not looks.is_any(NONE)
    assert len(opened) == 2


def test_a_look_that_takes_too_long_is_not_tried_again(opened: list[Any]) -> None:
    looks = DueLooks()
    assert looks.is_any(ONE)
    opened[0].execute("set statement_timeout = 50")
    with pytest.raises(psycopg.errors.QueryCanceled):
        looks.is_any("select 1 from pg_sleep(5)")
    assert len(opened) == 1 and opened[0].closed


def test_a_query_that_fails_says_so_and_leaves_nothing_open(opened: list[Any]) -> None:
    looks = DueLooks()
    with pytest.raises(psycopg.errors.UndefinedTable):
        looks.is_any("select 1 from nothing_of_the_kind")
    assert all(connection.closed for connection in opened)
    assert looks.is_any(ONE)


def test_a_forked_process_asks_on_a_connection_of_its_own(opened: list[Any]) -> None:
    from app.lib import due_work

    assert due_work._looks.is_any(ONE)
    child = os.fork()
    if child == 0:
        os._exit(0 if due_work._looks.is_any(ONE) and len(opened) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert due_work._looks.is_any(ONE) and len(opened) == 1
