"""Suites that run side by side in lanes, each with a block of output that nothing interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.local import environment

FOLLOW_S = 0.1
"""How often what a suite has written is passed on."""
GRACE_S = 20.0
"""How long an interrupted suite may take to put away what it started."""

FOR_ALL = {"PYTHONDONTWRITEBYTECODE": ""}
"""Some hundred processes of a run import the app: each would compile its 1,100 modules and its pages again where that may not be kept."""


@dataclass(frozen=True)
class Result:
    """What one suite found. `seconds` by the clock, `processor` those that it and its children computed (its servers not)."""

    name: str
    passed: int
    failed: int
    seconds: float
    processor: float = 0.0
    note: str = ""
    failures: tuple[str, ...] = ()
    """Ids of the tests that failed, where the suite knows them."""


@dataclass(frozen=True)
class Suite:
    """Checks under one name. `run` writes what they say to the file that it is given."""

    name: str
    run: Callable[[TextIO], Result]


class Interrupted(Exception):
    """Ctrl-C came before this suite began."""


class Processes:
    """Starts the tools of suites. After `stop` none begins any more."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock, self._stopped = threading.Lock(), False

    def run(self, command: Sequence[str | Path], out: TextIO, values: Mapping[str, str]) -> tuple[int, float]:
        """Exit code, and the processor time of it and of every child that it waited for; all that it says goes to `out`."""
        with self._lock:
            if self._stopped:
                raise Interrupted
            process = subprocess.Popen(
                command,
                cwd=environment.ROOT,
                env=environment.extended({**values, **FOR_ALL}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._running.add(process)
        _, status, usage = os.wait4(process.pid, 0)
        with self._lock:
            process.returncode = os.waitstatus_to_exitcode(status)
            self._running.discard(process)
        return process.returncode, usage.ru_utime + usage.ru_stime

    def stop(self) -> None:
        """Ctrl-C reached what runs, too: let it end, and end what does not."""
        with self._lock:
            self._stopped = True
        end = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < end:
            time.sleep(FOLLOW_S)
        with self._lock:
            for process in self._running:  # not `terminate`: it may take the exit code that `run` waits for
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)


def run(lanes: Sequence[Sequence[Suite]], processes: Processes, show: Callable[[str], None]) -> list[Result]:
    """Lanes at the same time, the suites of a lane one after the other. `show` gets one block after the other as it is written."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(max(1, len(lanes))) as threads:
        blocks = [[_Block(suite, Path(directory) / suite.name) for suite in lane] for lane in lanes]
        futures = [threads.submit(_one_after_the_other, lane) for lane in blocks]
        try:
            for block in (block for lane in blocks for block in lane):
                block.follow(show)
            for future in futures:
                future.result()
        except BaseException:
            processes.stop()
            raise
        return [block.result.result() for lane in blocks for block in lane]


class _Block:
    """A suite and the file that takes what it says."""

    def __init__(self, suite: Suite, path: Path) -> None:
        self.suite, self.path = suite, path
        self.result: Future[Result] = Future()
        path.touch()

    def run(self) -> None:
        try:
            with self.path.open("a+", errors="replace") as out:
                self.result.set_result(self.suite.run(out))
        except BaseException as error:
            self.result.set_exception(error)

    def follow(self, show: Callable[[str], None]) -> None:
        """Pass on what is written, until its end. Raises what the suite raised."""
        show(f"\n── {self.suite.name} ──\n")
        with self.path.open(errors="replace") as written:
            ended = False
            while not ended:
                ended = self.result.done()
                if more := written.read():
                    show(more)
                elif not ended:
                    with contextlib.suppress(TimeoutError):
                        self.result.exception(FOLLOW_S)
        self.result.result()


def _one_after_the_other(lane: Sequence[_Block]) -> None:
    for block in lane:
        block.run()
