"""The children that run code, of this process, and the queue before them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.lib import jsonlimits
from app.lib.child_pool import ChildPool, Job, OneForEachProcess, PipedProcess
from app.lib.code_runner.limits import MOST_INPUT, MOST_OUTPUT, CodeAnswer, WrittenLine
from app.lib.held_connections import outside_call
from app.lib.marks import translatable
from app.lib.sandbox_errors import Broken, TooCostly
from app.settings import environment_without_secrets

Language = Literal["javascript", "python"]
Isolation = Literal["namespaces", "filter", "none"]
"""How code is shut in: in namespaces of its own and behind a filter; behind the filter alone; not at all, so it does not run."""
PROCESSES = 2
WAITING, WAITING_EACH = 64, 16
START_S = 60.0
GRACE_S = 3.0
"""Beyond its time a child stops code by itself; after that it is killed."""
CHECK_S = 5.0
MOST_ANSWER = MOST_OUTPUT * 6 + 1_000_000
"""Bytes of an answer: each character of the value may take six in JSON, and then the lines."""
MOST_DEPTH = 60
TOO_MUCH = translatable("The data for the code takes %(size)s bytes; at most %(most)s fit.")
KEPT_NOT = translatable("The value that the code returns cannot be kept.")
STOPPED = translatable("The code took too much time or memory, so that it had to be stopped from outside.")
NOT_HERE = translatable("Code cannot run on this server: %(why)s")
DOES_NOT_BEGIN = translatable("its child process does not begin. The log says more.")
ONLY_ALONE = translatable(
    "its kernel offers no user namespaces to the product, so code of one workspace would not be kept apart well enough from the others."
    " The operations guide says how to allow them."
)
_PASSED = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
_ROOT = Path(__file__).resolve().parents[3]


@dataclass
class CodeJob(Job):
    """A call. `alone`: this installation has one workspace."""

    alone: bool = False


class _Child(PipedProcess):
    """One process of one language."""

    def __init__(self, language: Language) -> None:
        known = environment_without_secrets()
        super().__init__(
            [sys.executable, "-m", "app.lib.code_runner.child", language],
            cwd=str(_ROOT),
            env={name: known[name] for name in _PASSED if name in known},
        )
        try:
            begun = json.loads(self.receive(time.monotonic() + START_S, 10_000))
        except BaseException:
            self.end()
            raise
        self.isolation: Isolation = begun["isolation"]
        self.reason: str = begun.get("reason", "")

    def run(self, job: Job) -> dict[str, Any]:
        """The answer, with how the code was shut in. Raises TooCostly when the child had to be killed."""
        if self.isolation == "none" or not isinstance(job, CodeJob):
            return {"isolation": self.isolation, "reason": self.reason}
        if self.isolation == "filter" and not job.alone:
            return {"isolation": "none", "reason": ONLY_ALONE}
        self.send(job.message)
        answer: dict[str, Any] = json.loads(self.receive(time.monotonic() + job.seconds + GRACE_S, MOST_ANSWER))
        return {**answer, "isolation": self.isolation}


class CodePool(ChildPool[_Child]):
    """The children of one language."""

    def __init__(self, language: Language, processes: int = PROCESSES, each: int = PROCESSES) -> None:
        super().__init__(
            lambda: _Child(language),
            name=f"code-{language}",
            processes=processes,
            waiting=WAITING,
            waiting_each=WAITING_EACH,
            each=each,
        )

    def submit(
        self, code: str, data: Mapping[str, Any] | None, *, share: Hashable, seconds: float, alone: bool
    ) -> Future[dict[str, Any]]:
        """Queue one call; without `data` the code is only looked at. Raises Busy."""
        message = jsonlimits.encode({"code": code, "data": data, "seconds": seconds})
        if len(message) > MOST_INPUT:
            raise jsonlimits.Unstorable(
                translatable("The data for the code takes %(size)s bytes; at most %(most)s fit.")
                % {"size": f"{len(message):,}", "most": f"{MOST_INPUT:,}"}
            )
        return self.queue(CodeJob(share, seconds, message, alone=alone))

    def look(self) -> Future[dict[str, Any]]:
        """How a child is shut in. Begins one when there is none."""
        return self.queue(Job("look", START_S, b""))


_pools = {
    "javascript": OneForEachProcess(lambda: CodePool("javascript")),
    "python": OneForEachProcess(lambda: CodePool("python")),
}


async def run(
    language: Language,
    code: str,
    data: Mapping[str, Any] | None,
    *,
    share: Hashable,
    seconds: float,
    alone: bool,
) -> CodeAnswer:
    """What the code returns, or what went wrong with it. `alone`: this installation has one workspace. Raises Busy, Unstorable.

    An error of the kind `absent` says that code cannot run here.

    Without `data` the code is looked at and not run: its words, and of Python the types.
    """
    with outside_call("code in a child process"):
        try:
            plain = await asyncio.wrap_future(
                _pools[language]().submit(code, data, share=share, seconds=seconds, alone=alone)
            )
        except TooCostly:
            return CodeAnswer(error=STOPPED, kind="memory")
        except Broken:
            return CodeAnswer(error=NOT_HERE % {"why": DOES_NOT_BEGIN}, kind="absent")
    return _answer(plain)


async def isolation(language: Language = "javascript") -> tuple[Isolation, str]:
    """How code is shut in on this server, and why not better."""
    with outside_call("the children that run code"):
        try:
            plain = await asyncio.wrap_future(_pools[language]().look())
        except (TooCostly, Broken):
            return "none", DOES_NOT_BEGIN
    return plain["isolation"], plain.get("reason", "")


def _answer(plain: dict[str, Any]) -> CodeAnswer:
    if "value" not in plain:
        return CodeAnswer(error=NOT_HERE % {"why": plain["reason"]}, kind="absent")
    plain.pop("isolation")
    answer = CodeAnswer(**{**plain, "lines": [WrittenLine(*line) for line in plain["lines"]]})
    if answer.error:
        return answer
    try:
        jsonlimits.storable_bytes(msgspec.json.decode(answer.value), max_bytes=MOST_OUTPUT, max_depth=MOST_DEPTH)
    except (jsonlimits.Unstorable, RecursionError, msgspec.DecodeError, UnicodeError) as error:
        text = str(error) if isinstance(error, jsonlimits.Unstorable) else translatable("It is nested too deeply.")
        return CodeAnswer(error=f"{KEPT_NOT} {text}", kind="output", lines=answer.lines)
    return answer
