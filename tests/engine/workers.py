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


def engine_on(url: str, limit: int, number: int = 0, engines: int = 1) -> Engine:
    """An engine with a connection of its own; one of several in its process."""
    connection = psycopg.connect(url, autocommit=True, options="-c timezone=UTC")
    return Engine(connection, limit=limit, number=number, engines=engines)


def work_and_die(url: str, limit: int, deadly: dict[str, float]) -> None:
    """The main function of a worker process: advance until there is nothing left, dying at failpoints."""
    for place, probability in deadly.items():
        failpoints.arm(place, probability)
    engine_on(url, limit).advance()


def work_and_freeze(url: str, place: str) -> None:
    """The main function of a worker process that is stopped at a failpoint, with the real limits of its connection but shorter."""
    failpoints.arm(place, how=signal.SIGSTOP)
    Engine(database.connect("engine", limits={"idle_in_transaction_session_timeout": 1_500})).advance()


def work(url: str, limit: int, engines: int = 1) -> None:
    """The main function of a worker process that knows the step type that kills. Several engines work in threads of their own."""
    from app.flow import registry
    from tests.engine.conftest import Trouble

    registry.types()
    registry._types["trouble"] = Trouble
    threads = [threading.Thread(target=_advance, args=(url, limit, number, engines)) for number in range(engines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _advance(url: str, limit: int, number: int, engines: int) -> None:
    engine = engine_on(url, limit, number, engines)
    engine.advance()
    engine.close()


@contextmanager
def workers(url: str, count: int, limit: int) -> Iterator[list[Exception]]:
    """`count` threads that advance all the time, as the engines of one process do; yields what went wrong in them."""
    over, wrong = threading.Event(), list[Exception]()

    def run(number: int) -> None:
        engine = engine_on(url, limit, number, count)
        try:
            while not over.is_set():
                if not engine.advance():
                    over.wait(0.005)
        except Exception as error:
            wrong.append(error)
        finally:
            engine.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
