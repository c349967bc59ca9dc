"""Suites beside each other: blocks that stay whole, exit codes, an interruption that leaves nothing running."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from tools.dev import side_by_side, testing
from tools.dev.side_by_side import Interrupted, Processes, Result, Suite


def saying(name: str, *lines: str, failed: int = 0, before: Callable[[], object] = lambda: None) -> Suite:
    def run(out: TextIO) -> Result:
        for line in lines:
            before()
            print(line, file=out, flush=True)
        return Result(name, len(lines) - failed, failed, 0.0)

    return Suite(name, run)


def test_what_suites_say_at_the_same_time_stays_apart() -> None:
    both = threading.Barrier(2, timeout=30)  # line by line in turns: none of the two can end before the other has begun
    lanes = [
        [saying("first", "a", "b", "c", before=both.wait)],
        [saying("second", "1", "2", "3", before=both.wait, failed=1)],
    ]
    shown: list[str] = []
    results = side_by_side.run(lanes, Processes(), shown.append)
    assert "".join(shown) == "\n── first ──\na\nb\nc\n\n── second ──\n1\n2\n3\n"
    assert [(result.name, result.failed) for result in results] == [("first", 0), ("second", 1)]


def test_a_lane_keeps_its_order() -> None:
    order: list[str] = []
    lane = [saying(name, "x", before=lambda name=name: order.append(name)) for name in ("a", "b", "c")]
    side_by_side.run([lane], Processes(), lambda _text: None)
    assert order == ["a", "b", "c"]


def test_what_a_tool_says_and_how_it_ends(tmp_path: Path) -> None:
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    with (tmp_path / "out").open("a+") as out:
        code, processor = Processes().run([sys.executable, "-c", program], out, {})
        out.seek(0)
        assert (code, out.read()) == (3, "out\nerr\n")
    assert processor > 0


def test_tools_keep_byte_code_where_others_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    program = "import sys; print(sys.dont_write_bytecode)"
    with (tmp_path / "out").open("a+") as out:
        Processes().run([sys.executable, "-c", program], out, {"THROUGHLINE_TEST_DATABASE_URL": "unused"})
        out.seek(0)
        assert out.read() == "False\n"


def test_a_suite_that_breaks_is_no_silence() -> None:
    def broken(_out: TextIO) -> Result:
        raise OSError("no such program")

    with pytest.raises(OSError, match="no such program"):
        side_by_side.run([[Suite("broken", broken)], [saying("well", "x")]], Processes(), lambda _text: None)


def test_an_interruption_ends_what_runs_and_begins_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "GRACE_S", 0.0)
    processes, codes = Processes(), list[int]()

    def runs(out: TextIO) -> Result:
        code, _ = processes.run(
            [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(600)"], out, {}
        )
        codes.append(code)
        return Result("long", 0, 1, 0.0)

    def show(text: str) -> None:
        if text == "on\n":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side.run([[Suite("long", runs), Suite("next", runs)]], processes, show)
    assert codes and codes[0] < 0, "ended by a signal, and the suite after it had no process"
    assert len(codes) == 1
    with pytest.raises(Interrupted), (tmp_path / "out").open("a+") as out:
        processes.run([sys.executable, "-c", ""], out, {})


def test_one_line_a_suite_at_the_end() -> None:
    line = testing._line(Result("python", 12, 1, 3.04, 5.26, ", 2 skipped"))
    assert line.split() == ["python", "12", "passed", "3.0", "s", "5.3", "s", "1", "FAILED,", "2", "skipped"]
