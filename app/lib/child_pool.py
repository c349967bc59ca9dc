"""Child processes for work that may cost too much, and the queue before them. What is killed costs one piece of work, nothing else.

Work waits in a short queue, in turn for each `share` (a workspace, or a person of one), so that a hundred pieces of one delay that one.
Threads and children begin with the first work. `sandbox` and `code_runner` say what their children do.
"""

from __future__ import annotations

import atexit
import os
import select
import struct
import subprocess
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Generic, Protocol, TypeVar, cast

import structlog

from app.lib.sandbox_errors import Broken, Busy, TooCostly

log = structlog.get_logger()
LENGTH = struct.Struct(">I")
P = TypeVar("P", bound="ChildPool[Any]")


@dataclass
class Job:
    """A piece of work: whose it is, seconds that it may take, what the child is sent, and where its result goes."""

    share: Hashable
    seconds: float
    message: bytes
    result: Future[Any] = field(default_factory=Future)


class PooledChild(Protocol):
    """What a pool has as a child. Only one thread uses it."""

    def run(self, job: Job) -> Any:
        """The result. Raises TooCostly when the child has to be replaced, and whatever the work raised."""

    @property
    def alive(self) -> bool: ...

    def end(self) -> None:
        """Kill the process and wait for it."""


W = TypeVar("W", bound=PooledChild)


class PipedProcess:
    """A process that answers messages: four bytes of length and the content, both ways."""

    def __init__(self, command: list[str], *, cwd: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd, env=env, bufsize=0
        )
        self._in, self._out = cast("IO[bytes]", self.process.stdin), cast("IO[bytes]", self.process.stdout)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, message: bytes) -> None:
        """Raises BrokenPipeError when the process is not there any more."""
        unsent = memoryview(LENGTH.pack(len(message)) + message)
        while unsent:
            unsent = unsent[self._in.write(unsent) :]

    def receive(self, until: float, most: int = 1 << 30) -> bytes:
        """One message, by the clock of this process. Raises TooCostly: none came in time, the process ended, or it is too long."""
        size = LENGTH.unpack(self._read(LENGTH.size, until))[0]
        if size > most:
            raise TooCostly
        return self._read(size, until)

    def _read(self, size: int, until: float) -> bytes:
        source, answer = self._out.fileno(), bytearray()
        waiting = select.poll()
        waiting.register(source, select.POLLIN | select.POLLHUP)
        while len(answer) < size:
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
                raise TooCostly
            piece = os.read(source, size - len(answer))
            if not piece:
                raise TooCostly  # a limit of the kernel ended it
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


class ChildPool(Generic[W]):
    """The processes and their queue."""

    def __init__(
        self, child: Callable[[], W], *, name: str, processes: int, waiting: int, waiting_each: int, each: int = 1
    ) -> None:
        """`waiting`, `waiting_each`: pieces that wait, in all and of one share; `each`: children that one share may have at a time."""
        self._child, self._name = child, name
        self.processes, self.waiting, self.waiting_each, self.each = processes, waiting, waiting_each, each
        self._changed = threading.Condition()
        self._queues: OrderedDict[Hashable, deque[Job]] = OrderedDict()
        self._running: Counter[Hashable] = Counter()
        self._children: dict[int, W] = {}
        self._threads: list[threading.Thread] = []
        self.closed = False

    def queue(self, job: Job) -> Future[Any]:
        """Raises Busy."""
        with self._changed:
            queue = self._queues.get(job.share, ())
            if len(queue) >= self.waiting_each or sum(map(len, self._queues.values())) >= self.waiting or self.closed:
                raise Busy
            self._queues.setdefault(job.share, deque()).append(job)
            if len(self._threads) < self.processes:
                number = len(self._threads)
                thread = threading.Thread(target=self._work, args=(number,), name=f"{self._name}-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return job.result

    def _next(self) -> Job | None:
        """The next piece of work: shares in turn, none with more than its number at once. None when this is over."""
        with self._changed:
            while not self.closed:
                for share in list(self._queues):
                    if self._running[share] >= self.each:
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
                if child is None or not child.alive:
                    self._replace(number)
                    child = self._children[number] = self._child()
                self._run(child, job, number)
            except Exception as error:
                self._replace(number)
                if not isinstance(error, TooCostly):
                    log.exception(f"{self._name}.broken")
                else:
                    log.warning(f"{self._name}.killed", share=str(job.share))
                job.result.set_exception(error if isinstance(error, TooCostly) else Broken(type(error).__name__))
            finally:
                with self._changed:
                    self._running[job.share] -= 1
                    if not self._running[job.share]:
                        del self._running[job.share]
                    self._changed.notify_all()

    def _run(self, child: W, job: Job, number: int) -> None:
        outcome = child.run(job)
        if isinstance(outcome, Exception):
            job.result.set_exception(outcome)
        else:
            job.result.set_result(outcome)

    def _replace(self, number: int) -> None:
        if child := self._children.pop(number, None):
            child.end()

    def close(self) -> None:
        """End the children at once. What waits is refused."""
        with self._changed:
            self.closed = True
            jobs = [job for queue in self._queues.values() for job in queue]
            self._queues.clear()
            self._changed.notify_all()
        for job in jobs:
            if job.result.set_running_or_notify_cancel():
                job.result.set_exception(Busy())
        for child in list(self._children.values()):
            child.end()


class OneForEachProcess(Generic[P]):
    """A pool that each process has for itself, made when it is first wanted: a forked process does not use its parent's."""

    def __init__(self, make: Callable[[], P]) -> None:
        self._make = make
        self._made: tuple[int, P] | None = None
        self._making = threading.Lock()

    def __call__(self) -> P:
        with self._making:
            if self._made is None or self._made[0] != os.getpid() or self._made[1].closed:
                self._made = (os.getpid(), self._make())
                atexit.register(self._made[1].close)
            return self._made[1]
