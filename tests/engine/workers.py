"""Engine workers for tests: several at once, in threads or as processes that can be killed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from app import installed_types
from app.engine import failpoints
from app.engine.advance import Engine
from app.lib import database

installed_types.install()  # in processes of their own nobody else does


def engine_on(url: str, limit: int) -> Engine:
    """An engine with a connection of its own."""
    return Engine(psycopg.connect(url, autocommit=True, options="-c timezone=UTC"), limit=limit)


def work_and_die(url: str, limit: int, deadly: dict[str, float]) -> None:
    """The main function of a worker process: advance until there is nothing left, dying at failpoints."""
    for place, probability in deadly.items():
        failpoints.arm(place, probability)
    engine_on(url, limit).advance()


def work_and_freeze(url: str, place: str) -> None:
    """The main function of a worker process that is stopped at a failpoint, with the real limits of its connection but shorter."""
    failpoints.arm(place, how=signal.SIGSTOP)
    Engine(database.connect("engine", limits={"idle_in_transaction_session_timeout": 1_500})).advance()


def work(url: str, limit: int) -> None:
    """The main function of a worker process that knows the step type that kills."""
    from app.flow import registry
    from tests.engine.conftest import Trouble

    registry.types()
    registry._types["trouble"] = Trouble
    engine = engine_on(url, limit)
    engine.advance()
    engine.close()


@contextmanager
def workers(url: str, count: int, limit: int) -> Iterator[list[Exception]]:
    """`count` threads that advance all the time; yields what went wrong in them. A thread waits for PostgreSQL as a process does."""
    over, wrong = threading.Event(), list[Exception]()

    def run() -> None:
        engine = engine_on(url, limit)
        try:
            while not over.is_set():
                if not engine.advance():
                    over.wait(0.005)
        except Exception as error:
            wrong.append(error)
        finally:
            engine.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
