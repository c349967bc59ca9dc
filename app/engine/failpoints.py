"""Places where tests kill the process. Off unless `arm` was called; production never calls it."""

from __future__ import annotations

import os
import random
import signal

_armed: dict[str, float] = {}


def arm(name: str, probability: float = 1.0) -> None:
    """From now on `reach(name)` kills this process with that probability, as kill -9 does."""
    _armed[name] = probability


def reach(name: str) -> None:
    """A place of the engine: `claimed`, `written`, `committed`."""
    if _armed and random.random() < _armed.get(name, 0.0):  # noqa: S311
        os.kill(os.getpid(), signal.SIGKILL)
