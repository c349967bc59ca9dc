"""Signs of life: each worker and scheduler process writes its row of `heartbeats` every 5 s from a thread of its own.

The thread says that the process lives and reaches the database, not that its work moves; the age of the oldest due work
says that (`/metrics`). Real time on purpose: moving the virtual clock must not make a process look dead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import dramatiq
import psycopg
import structlog

from app.lib import database

log = structlog.get_logger()
EVERY_S, DEAD_AFTER_S, FORGET_AFTER_S = 5, 15, 3600

_BEAT = """
insert into heartbeats (process, kind, at) values (%s, %s, now())
on conflict (process) do update set kind = excluded.kind, at = excluded.at
"""


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
        connection: psycopg.Connection[tuple[object, ...]] | None = None
        while not self._over.is_set():
            try:
                connection = connection or database.connect()
                connection.execute(_BEAT, (process, self.kind))
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
