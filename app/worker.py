"""Composition root of the worker: `python -m app.worker`, one process, or `dramatiq app.worker` with a master and several.

Imports every feature's jobs so that their actors are known.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable

import dramatiq

import app
from app.lib import jobs, logs, polling, virtual_clock
from app.lib.heartbeat import HeartbeatMiddleware
from app.lib.polling import PollingMiddleware
from app.system import secret_keys

logs.configure()
virtual_clock.install()
broker = jobs.broker()
polls: list[Callable[[], object]] = []

for package in sorted(module.name for module in pkgutil.iter_modules(app.__path__) if module.ispkg):
    if importlib.util.find_spec(f"app.{package}.jobs"):
        polls += getattr(importlib.import_module(f"app.{package}.jobs"), "POLLS", [])

broker.add_middleware(HeartbeatMiddleware())
broker.add_middleware(PollingMiddleware(polls))

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
    polling.work_until_told(worker, STOP_MS)
    broker.close()


if __name__ == "__main__":
    main()
