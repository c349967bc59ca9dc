"""Heartbeats: each worker and scheduler process writes its row of `heartbeats` every 5 s from a thread of its own.

The thread says that the process lives and reaches the database. Whether its work moves is in `detail`, which the parts that work
tell (`tell`); their threads may hang, this one goes on. It also ends sessions of processes that are frozen where the server cannot
notice. Real time on purpose: moving the virtual clock must not make a process look dead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import dramatiq
import psycopg
import structlog
from psycopg.types.json import Jsonb

from app.lib import database

log = structlog.get_logger()
EVERY_S, DEAD_AFTER_S, FORGET_AFTER_S = 5, 15, 3600

FROZEN_AFTER_S = 60
"""No transaction of a worker lasts nearly so long. PostgreSQL itself ends a session that is silent between two statements after 15 s;
but not one that waits inside COPY, or for somebody to read an answer."""

BEAT = """
insert into heartbeats (process, kind, at, detail) values (%s, %s, now(), %s)
on conflict (process) do update set kind = excluded.kind, at = excluded.at, detail = excluded.detail
"""
_END_FROZEN = """
select pid, application_name, pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and usename = session_user and pid <> pg_backend_pid()
  and application_name = any(array['throughline engine', 'throughline calls', 'throughline delivery', 'throughline scheduler'])
  and xact_start < clock_timestamp() - make_interval(secs => %s)
"""
_details: dict[str, Callable[[], dict[str, Any]]] = {}


def report_detail(part: str, detail: Callable[[], dict[str, Any]]) -> None:
    """Add `detail()` to the heartbeat's `detail` under `part`. It returns JSON and must not block."""
    _details[part] = detail


def end_frozen(connection: psycopg.Connection[Any]) -> int:
    """End sessions of workers whose transaction lasts too long, so that their locks go; answers how many."""
    ended = connection.execute(_END_FROZEN, (FROZEN_AFTER_S,)).fetchall()
    for pid, application, _ in ended:
        log.error("session.frozen", pid=pid, application=application, seconds=FROZEN_AFTER_S)
    return len(ended)


class Beat:
    """`start` and `stop` the signs of life of this process. `kind` is `worker` or `scheduler`."""

    def __init__(self, kind: str) -> None:
        self.kind, self._over = kind, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the row away, so that a process that ended in order is not missed."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        process = f"{self.kind}:{socket.gethostname()}:{os.getpid()}"
        connection: psycopg.Connection[Any] | None = None
        while not self._over.is_set():
            try:
                connection = connection or database.connect("heartbeat", None, limits={"statement_timeout": 5_000})
                detail = {part: detail_of() for part, detail_of in _details.items()}
                connection.execute(BEAT, (process, self.kind, Jsonb(detail)))
                end_frozen(connection)
            except Exception as error:  # nothing may end this thread: without it the process looks dead
                log.warning("heartbeat.failed", error=type(error).__name__)
                if connection is not None:
                    with contextlib.suppress(psycopg.Error):
                        connection.close()
                connection = None
            self._over.wait(EVERY_S)
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.execute("delete from heartbeats where process = %s", (process,))
                connection.execute(
                    "delete from heartbeats where at < now() - make_interval(secs => %s)", (FORGET_AFTER_S,)
                )
                connection.close()


class HeartbeatMiddleware(dramatiq.Middleware):
    """The signs of life of a Dramatiq worker process."""

    def __init__(self) -> None:
        self._beat = Beat("worker")

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._beat.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._beat.stop()
