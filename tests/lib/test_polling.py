"""Threads of a worker: they survive what goes wrong in a pass, and end in order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from app.lib import polling
from app.lib.polling import PollingMiddleware
from app.settings import settings

WITH_A_FULL_DISK = """
import threading, time
import psycopg
from dramatiq.brokers.stub import StubBroker
from app.lib import database, heartbeat, logs, polling
logs.configure()
passes, beats = threading.Semaphore(0), threading.Semaphore(0)
def poll():
    passes.release()
    raise OSError(28, "No space left on device")
def connect(*_, **__):
    beats.release()
    raise RuntimeError("nobody foresaw this one")
database.connect = connect
heartbeat.EVERY_S = 0.01
life = heartbeat.Beat("worker")
life.start()
middleware = polling.PollingMiddleware([poll])
middleware.after_worker_boot(StubBroker(), None)
for _ in range(3):
    assert passes.acquire(timeout=30) and beats.acquire(timeout=30)
print("both threads live")
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    changed = dataclasses.replace(settings(), engine=dataclasses.replace(settings().engine, poll_seconds=0.001))
    monkeypatch.setattr("app.lib.polling.settings", lambda: changed)


@pytest.fixture
def worker() -> Iterator[dramatiq.Worker]:
    yield dramatiq.Worker(StubBroker(), worker_threads=1)
    polling.stopping.clear()


def test_threads_live_on_when_their_error_cannot_be_written() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", WITH_A_FULL_DISK], stdout=subprocess.PIPE, stderr=full, env=dict(os.environ)
        )
    assert done.stdout == b"both threads live\n"


def test_a_pass_under_way_is_told_to_end_and_waited_for(quick: None, worker: dramatiq.Worker) -> None:
    begun, ended = threading.Event(), threading.Event()

    def long_pass() -> None:
        begun.set()
        assert polling.stopping.wait(30)
        ended.set()

    worker.broker.add_middleware(PollingMiddleware([long_pass]))
    worker.start()
    assert begun.wait(30) and not ended.is_set()
    worker.stop()
    assert ended.is_set()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "poll-long_pass"]


def test_a_pass_that_never_ends_does_not_keep_the_process(
    quick: None, worker: dramatiq.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "STOP_S", 0.05)
    begun, release = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        release.wait(60)

    worker.broker.add_middleware(PollingMiddleware([stuck]))
    worker.start()
    assert begun.wait(30)
    worker.stop()
    assert not release.is_set()
    release.set()
