"""Polling by workers: a lost notification, or a dead Redis, delays work by a second only."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import dramatiq
import structlog

from app.settings import settings

log = structlog.get_logger()
STOP_S = 6.5
"""How long a process that was told to end waits for the passes that are under way; `./dev run` kills it after 8 s."""
stopping = threading.Event()
"""Set as soon as this process was told to end. A pass that may take longer than a second looks at it and comes to an end."""
LOOK_S = 0.2
"""How often the main thread looks whether it was told to end."""


def work_until_stopped(worker: dramatiq.Worker, stop_ms: int) -> None:
    """Work until SIGTERM or SIGINT, then end in order; actors at work get `stop_ms`.

    The main thread looks again and again and does not wait for an event: right after a SIGCONT the kernel gives a SIGTERM to another
    thread. Python runs the handler in the main thread alone, which nothing would wake, and a worker that was frozen would never end.
    """

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    worker.start()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    while not stopping.is_set():
        time.sleep(LOOK_S)
    worker.stop(timeout=stop_ms)


class PollingMiddleware(dramatiq.Middleware):
    """Calls each of `polls` every `poll_seconds` in a thread of its own, so that a long one does not hold up the others."""

    def __init__(self, polls: Sequence[Callable[[], object]]) -> None:
        self.polls = polls
        self._threads: list[threading.Thread] = []
        self._end = 0.0

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        stopping.clear()
        for poll in self.polls:
            name = getattr(poll, "actor_name", getattr(poll, "__name__", "poll"))
            # Still a daemon thread: a pass that hangs must not keep the process from ending.
            thread = threading.Thread(target=self._repeat, args=(poll, name), name=f"poll-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        stopping.set()
        self._end = time.monotonic() + STOP_S

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """The passes end in order, beside the actors, which Dramatiq has waited for by now."""
        for thread in self._threads:
            thread.join(max(0.0, self._end - time.monotonic()))
        if unfinished := [thread.name for thread in self._threads if thread.is_alive()]:
            log.warning("polls.unfinished", left=unfinished)

    def _repeat(self, poll: Callable[[], Any], name: str) -> None:
        while not stopping.wait(settings().engine.poll_seconds):
            try:
                poll()
            except Exception as error:  # the database may be away for a while; the next look is a second later
                log.warning("poll.failed", poll=name, error=type(error).__name__, detail=str(error)[:200])
