"""Workers look for work by themselves: a lost doorbell, or a dead Redis, costs a second and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
import structlog

from app.settings import settings

log = structlog.get_logger()


class PollingMiddleware(dramatiq.Middleware):
    """Calls each of `polls` every `poll_seconds` in a thread of its own, so that a long one does not hold up the others."""

    def __init__(self, polls: Sequence[Callable[[], object]]) -> None:
        self.polls = polls
        self._over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        for poll in self.polls:
            name = getattr(poll, "actor_name", getattr(poll, "__name__", "poll"))
            threading.Thread(target=self._repeat, args=(poll, name), name=f"poll-{name}", daemon=True).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._over.set()

    def _repeat(self, poll: Callable[[], Any], name: str) -> None:
        while not self._over.wait(settings().engine.poll_seconds):
            try:
                poll()
            except Exception as error:  # the database may be away for a while; the next look is a second later
                log.warning("poll.failed", poll=name, error=type(error).__name__, detail=str(error)[:200])
