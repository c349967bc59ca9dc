"""Hostile code is contained: it ends with something harmless, in time, and the next piece of code runs as if nothing had been."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from app.lib.code_runner import pool
from app.lib.code_runner.limits import MOST_LINE, MOST_LINES, MOST_OUTPUT, CodeAnswer
from app.lib.code_runner.pool import Language
from tests.code_runner import attacks
from tests.fixtures.code import run_code

JAVASCRIPT = {**attacks.JAVASCRIPT, **attacks.OWN_JAVASCRIPT}
PYTHON = {**attacks.PYTHON, **attacks.OWN_PYTHON}
SHORT_S = 0.5
STOPPED = ("time", "memory", "output", "error", "syntax")
MOST_CHILD = 420 << 20
"""Bytes in memory of all processes of one child, at most: 320 MB that may be written to, and the code of the programs."""


def after(language: Language) -> None:
    """An ordinary call behind an attack."""
    code = "return input.x + 1" if language == "javascript" else "return input['x'] + 1"
    assert run_code(language, code, {"input": {"x": 1}}).value == "2"


def processes(language: Language) -> list[int]:
    """The children of this language, with what they have started."""
    own = [child.process.pid for child in pool._pools[language]()._children.values()]
    for pid in own:
        own += [
            int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
        ]
    return own


def most_memory(language: Language) -> int:
    """The most bytes that any of them ever had in memory."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in processes(language)]
    return max(int(text.split("VmHWM:")[1].split("kB")[0]) * 1024 for text in texts if "VmHWM:" in text)


def harmless(answer: CodeAnswer) -> bool:
    """Stopped for a reason; or a value that shows that there was nothing to be had."""
    assert len(answer.lines) <= MOST_LINES and all(len(line.text) <= MOST_LINE for line in answer.lines)
    assert len(answer.value.encode()) <= MOST_OUTPUT
    return answer.kind in STOPPED if answer.error else True


@pytest.mark.parametrize("name", JAVASCRIPT)
def test_javascript_is_contained(name: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    answer = run_code("javascript", JAVASCRIPT[name], seconds=SHORT_S)
    assert harmless(answer), answer
    if not answer.error and name.startswith(("esc_", "wasm", "globals")):
        assert answer.value == "true", answer
    assert time.monotonic() - began < 60
    after("javascript")
    assert most_memory("javascript") < MOST_CHILD
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32_768  # kB


@pytest.mark.parametrize("name", PYTHON)
def test_python_is_contained(name: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    answer = run_code("python", PYTHON[name], {"input": {"c": 1}}, seconds=SHORT_S)
    assert harmless(answer), answer
    assert not any(word in answer.value for word in ("root:", "PATH", "uid=", "class '"))
    assert time.monotonic() - began < 60
    after("python")
    assert most_memory("python") < MOST_CHILD
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32_768
