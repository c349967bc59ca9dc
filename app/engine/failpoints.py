"""Places where tests kill or freeze the process. Off unless `arm` was called; production never calls it."""

from __future__ import annotations

import os
import random
import signal

_armed: dict[str, tuple[float, signal.Signals]] = {}


def arm(name: str, probability: float = 1.0, how: signal.Signals = signal.SIGKILL) -> None:
    """From now on `reach(name)` kills this process with that probability, as kill -9 does; SIGSTOP freezes it instead."""
    _armed[name] = probability, how


def reach(name: str) -> None:
    """A place of the engine: `claimed`, `written`, `committed`."""
    if _armed:
        probability, how = _armed.get(name, (0.0, signal.SIGKILL))
        if random.random() < probability:  # noqa: S311
            os.kill(os.getpid(), how)
