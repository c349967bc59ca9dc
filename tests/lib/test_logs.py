"""The logger: it never raises, and it does not say the same thing a thousand times."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from app.lib import logs

TALK = """
import logging, sys, structlog
from app.lib import logs
logs.configure()
log = structlog.get_logger()
for n in range(3):
    log.error("request.failed", n=n, text="x" * 5000)
    logging.getLogger("library").error("it broke", exc_info=ValueError("why"))
print("went on")
"""


def talk(stderr: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", TALK], stdout=subprocess.PIPE, stderr=stderr, env=dict(os.environ))


def test_a_full_disk_is_no_reason_to_raise() -> None:
    with Path("/dev/full").open("wb") as full:
        done = talk(full.fileno())
    assert (done.returncode, done.stdout) == (0, b"went on\n")


def test_a_pipe_that_nobody_reads_is_no_reason_to_raise() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = talk(writing)
    os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"went on\n")


def test_a_closed_stream_is_no_reason_to_raise() -> None:
    stream = io.StringIO()
    stream.close()
    logs.SafeStream(stream).write("x\n")
    logs.SafeStream(stream).flush()


def test_a_line_is_written_as_one_piece(tmp_path: Path) -> None:
    with (tmp_path / "log").open("a") as stream:
        logs.SafeStream(stream).write("é 1\n")
        assert (tmp_path / "log").read_text() == "é 1\n"


EVERY_LEVEL = structlog.make_filtering_bound_logger(0)


@pytest.fixture
def lines() -> structlog.testing.LogCapture:
    return structlog.testing.LogCapture()


def test_of_the_same_trouble_a_few_lines_are_written(
    lines: structlog.testing.LogCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("app.lib.logs.time.monotonic", lambda: now[0])
    log = structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()), processors=[logs.few_of_a_kind(), lines], wrapper_class=EVERY_LEVEL
    )
    for n in range(50):
        log.warning("poll.failed", poll="advance", error="OperationalError", n=n)
        log.warning("poll.failed", poll="deliver", error="OperationalError", n=n)
        log.info("scheduler.leads", n=n)
    assert [entry["n"] for entry in lines.entries if entry.get("poll") == "advance"] == [0, 1, 2, 3, 4]
    assert [entry["n"] for entry in lines.entries if entry.get("poll") == "deliver"] == [0, 1, 2, 3, 4]
    assert sum(entry["event"] == "scheduler.leads" for entry in lines.entries) == 50
    now[0] += logs.WINDOW_S + 1
    log.warning("poll.failed", poll="advance", error="OperationalError")
    assert lines.entries[-1]["left_out"] == 45
    log.warning("poll.failed", poll="advance", error="OperationalError")
    assert "left_out" not in lines.entries[-1]


def test_another_error_of_the_same_event_is_another_trouble(lines: structlog.testing.LogCapture) -> None:
    log = structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()), processors=[logs.few_of_a_kind(), lines], wrapper_class=EVERY_LEVEL
    )
    for error in (ValueError("a"), KeyError("b")):
        for _ in range(9):
            log.error("request.failed", exc_info=error)
    assert len(lines.entries) == 2 * logs.BURST


def test_the_lines_of_libraries_are_few_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs._FewOfAKind())
    library = logging.Logger("library")
    library.addHandler(handler)
    for n in range(40):
        library.error("connection %s failed", n)
    assert stream.getvalue().splitlines() == [f"connection {n} failed" for n in range(logs.BURST)]


def test_what_is_kept_of_kinds_is_bounded() -> None:
    repeats = logs.Repeats()
    for n in range(3 * logs._MOST_KINDS):
        assert repeats.left_out(n) == 0
    assert len(repeats._written) <= logs._MOST_KINDS + 1


def test_a_line_is_json_with_its_event() -> None:
    done = talk(subprocess.STDOUT)
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["event"], first["level"], first["n"]) == ("request.failed", "error", 0)
