"""Child processes for work on untrusted input: templates, files, mails. Work that costs too much is killed there, and nothing else.

Parsers are linear and limited (`tests/growth`); this covers unforeseen ones. A function of a module, given as itself,
runs in a child with a limit of processor time and memory; the child has no secrets, no database and no settings. When it is killed,
only that piece of work is over: the next one gets a new child. Work waits in a short queue, in turn for each `share` (a person of a
workspace), and of one share one piece runs at a time, so that a hundred requests of one user only delay that user.

    view = await sandbox.run(render, parts, data, share=(tenant_id, user_id), seconds=2)
"""

from __future__ import annotations

import asyncio
import pickle
import sys
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from app.lib import clock
from app.lib.child_pool import ChildPool, Job, OneForEachProcess, PipedProcess
from app.lib.held_connections import outside_call
from app.lib.sandbox_errors import Broken, Busy, TooCostly
from app.settings import environment_without_secrets

__all__ = ["Broken", "Busy", "Sandbox", "TooCostly", "run", "shared"]
T = TypeVar("T")
PROCESSES = 2
WAITING, WAITING_EACH = 128, 32
"""Pieces of work that wait, in all and of one share: a page of templates asks for two dozen pictures at once."""
SECONDS = 3.0
"""Processor time of one piece of work."""
PATIENCE = 10
"""How many times that a piece may take by the clock on the wall: the machine may be busy."""
START_S = 60.0
"""How long a child may take to begin; it imports some modules."""
_ROOT = Path(__file__).resolve().parents[2]


class _Child(PipedProcess):
    """One process, whose messages are pickles: a function with its arguments, and what became of it."""

    def __init__(self) -> None:
        super().__init__(
            [sys.executable, "-m", "app.lib.sandbox_process"], cwd=str(_ROOT), env=environment_without_secrets()
        )

    def run(self, job: Job) -> Any:
        """What the function returned, or the exception that it raised. Raises TooCostly."""
        self.send(job.message)
        answer = self.receive(time.monotonic() + START_S + job.seconds * PATIENCE)
        _, outcome = pickle.loads(answer)  # noqa: S301 - our own process and code
        return outcome


class Sandbox(ChildPool[_Child]):
    """The processes and their queue."""

    def __init__(self, processes: int = PROCESSES, waiting: int = WAITING, waiting_each: int = WAITING_EACH) -> None:
        super().__init__(_Child, name="sandbox", processes=processes, waiting=waiting, waiting_each=waiting_each)

    def submit(
        self, function: Callable[..., T], *args: Any, share: Hashable, seconds: float = SECONDS, **kwargs: Any
    ) -> Future[T]:
        """Queue one piece of work; its arguments and result are copied. Raises Busy."""
        called = (function.__module__, function.__qualname__, args, kwargs, seconds, clock.now())
        return self.queue(Job(share, seconds, pickle.dumps(called)))


shared = OneForEachProcess(Sandbox)
"""The sandbox of this process."""


async def run(function: Callable[..., T], *args: Any, share: Hashable, seconds: float = SECONDS, **kwargs: Any) -> T:
    """What `function` returns, worked out in a child. Raises what it raises, TooCostly and Busy.

    It may take a while: give the database connection back to the pool before (`held_connections.release_connection`).
    """
    with outside_call("work in the sandbox"):
        return await asyncio.wrap_future(shared().submit(function, *args, share=share, seconds=seconds, **kwargs))
