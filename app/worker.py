"""Composition root of the worker: `python -m app.worker`, one process, or `dramatiq app.worker` with a master and several.

Imports every feature's jobs so that their actors are known.
"""

from __future__ import annotations

import sys

import dramatiq

from app import features, installed_types
from app.lib import jobs, logs, polling, virtual_clock
from app.lib.heartbeat import HeartbeatMiddleware
from app.lib.polling import PollingMiddleware
from app.system import secret_keys

logs.configure()
virtual_clock.install()
installed_types.install()
installed_types.load()
broker = jobs.broker()
features.actors()
broker.add_middleware(HeartbeatMiddleware())
broker.add_middleware(PollingMiddleware(features.polls()))

THREADS = 4
STOP_MS = 7_000
"""How long actors that work get to end; `./dev run` waits 8 s."""


def main() -> None:
    """Work until SIGTERM or SIGINT, then end in order."""
    try:
        secret_keys.verify_when_possible()
    except secret_keys.WrongSecretKey as error:
        sys.exit(f"The worker does not start. {error}")
    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    polling.work_until_stopped(worker, STOP_MS)
    broker.close()


if __name__ == "__main__":
    main()
