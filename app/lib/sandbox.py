"""Child processes for work on untrusted input: templates, files, mails. Work that costs too much is killed there, and nothing else.

Parsers are linear and limited (`tests/growth`); this covers unforeseen ones. A function of a module, given as itself,
runs in a child with a limit of processor time and memory; the child has no secrets, no database and no settings. When it is killed,
only that piece of work is over: the next one gets a new child. Work waits in a short queue, in turn for each `share` (a person of a
workspace), and of one share one piece runs at a time, so that a hundred requests of one user only delay that user.

    view = await sandbox.run(render, parts, data, share=(tenant_id, user_id), seconds=2)
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pickle
import select
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import structlog

from app.lib import clock
from app.lib.held_connections import outside_call
from app.lib.sandbox_errors import Broken, Busy, TooCostly
from app.settings import environment_without_secrets

__all__ = ["Broken", "Busy", "Sandbox", "TooCostly", "run", "shared"]
log = structlog.get_logger()
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
_LENGTH = struct.Struct(">I")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class _Job:
    share: Hashable
    seconds: float
    message: bytes
    result: Future[Any] = field(default_factory=Future)


class _Child:
    """One process. `run` blocks; only one thread uses it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.lib.sandbox_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment_without_secrets(),
            bufsize=0,
        )
        self._in, self._out = cast("IO[bytes]", self.process.stdin), cast("IO[bytes]", self.process.stdout)

    def run(self, job: _Job) -> Any:
        """What the function returned. Raises what it raised, and TooCostly."""
        unsent = memoryview(_LENGTH.pack(len(job.message)) + job.message)
        while unsent:
            unsent = unsent[self._in.write(unsent) :]
        until = time.monotonic() + START_S + job.seconds * PATIENCE
        size = _LENGTH.unpack(self._read(_LENGTH.size, until))[0]
        return pickle.loads(self._read(size, until))  # noqa: S301 - our own process and code

    def _read(self, size: int, until: float) -> bytes:
        source, answer = self._out.fileno(), bytearray()
        waiting = select.poll()
        waiting.register(source, select.POLLIN | select.POLLHUP)
        while len(answer) < size:
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
                raise TooCostly
            piece = os.read(source, size - len(answer))
            if not piece:
                raise TooCostly  # the limit of processor time ended it
            answer += piece
        return bytes(answer)

    def end(self) -> None:
        """Kill the process and wait for it."""
        with suppress(OSError):
            self.process.kill()
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()
        self.process.wait()


class Sandbox:
    """The processes and their queue. Threads and children begin with the first work."""

    def __init__(self, processes: int = PROCESSES, waiting: int = WAITING, waiting_each: int = WAITING_EACH) -> None:
        self.processes, self.waiting, self.waiting_each = processes, waiting, waiting_each
        self._changed = threading.Condition()
        self._queues: OrderedDict[Hashable, deque[_Job]] = OrderedDict()
        self._running: Counter[Hashable] = Counter()
        self._children: dict[int, _Child] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(
        self, function: Callable[..., T], *args: Any, share: Hashable, seconds: float = SECONDS, **kwargs: Any
    ) -> Future[T]:
        """Queue one piece of work; its arguments and result are copied. Raises Busy."""
        called = (function.__module__, function.__qualname__, args, kwargs, seconds, clock.now())
        job = _Job(share, seconds, pickle.dumps(called))
        with self._changed:
            queue = self._queues.get(share, ())
            if len(queue) >= self.waiting_each or sum(map(len, self._queues.values())) >= self.waiting:
                raise Busy
            self._queues.setdefault(share, deque()).append(job)
            if len(self._threads) < self.processes and not self._closed:
                number = len(self._threads)
                thread = threading.Thread(target=self._work, args=(number,), name=f"sandbox-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return job.result

    def _next(self) -> _Job | None:
        """The next piece of work: shares in turn, none with two at once. None when this is over."""
        with self._changed:
            while not self._closed:
                for share in list(self._queues):
                    if self._running[share]:
                        continue
                    job = self._queues[share].popleft()
                    self._queues.move_to_end(share)
                    if not self._queues[share]:
                        del self._queues[share]
                    if not job.result.set_running_or_notify_cancel():
                        continue  # its caller was cancelled
                    self._running[share] += 1
                    return job
                self._changed.wait()
        return None

    def _work(self, number: int) -> None:
        while (job := self._next()) is not None:
            try:
                child = self._children.get(number)
                if child is None or child.process.poll() is not None:
                    child = self._children[number] = _Child()
                ended, outcome = child.run(job)
                if ended:
                    job.result.set_result(outcome)
                else:
                    job.result.set_exception(outcome)
            except Exception as error:
                self._replace(number)
                if not isinstance(error, TooCostly):
                    log.exception("sandbox.broken")
                else:
                    log.warning("sandbox.killed", share=str(job.share))
                job.result.set_exception(error if isinstance(error, TooCostly) else Broken(type(error).__name__))
            finally:
                with self._changed:
                    self._running[job.share] -= 1
                    if not self._running[job.share]:
                        del self._running[job.share]
                    self._changed.notify_all()

    def _replace(self, number: int) -> None:
        if child := self._children.pop(number, None):
            child.end()

    def close(self) -> None:
        """End the children at once. What waits is refused."""
        with self._changed:
            self._closed = True
            jobs = [job for queue in self._queues.values() for job in queue]
            self._queues.clear()
            self._changed.notify_all()
        for job in jobs:
            if job.result.set_running_or_notify_cancel():
                job.result.set_exception(Busy())
        for child in list(self._children.values()):
            child.end()


_made: tuple[int, Sandbox] | None = None
_making = threading.Lock()


def shared() -> Sandbox:
    """The sandbox of this process."""
    global _made
    with _making:
        if _made is None or _made[0] != os.getpid() or _made[1]._closed:
            _made = (os.getpid(), Sandbox())
            atexit.register(_made[1].close)
        return _made[1]


async def run(function: Callable[..., T], *args: Any, share: Hashable, seconds: float = SECONDS, **kwargs: Any) -> T:
    """What `function` returns, worked out in a child. Raises what it raises, TooCostly and Busy.

    It may take a while: give the database connection back to the pool before (`held_connections.release_connection`).
    """
    with outside_call("work in the sandbox"):
        return await asyncio.wrap_future(shared().submit(function, *args, share=share, seconds=seconds, **kwargs))
