"""What benchmarks say about what they measured. What they measure is not tested: no timing is asserted."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from bench import all as everything
from bench import beside, canvas, neighbour, pooler
from bench.all import PROGRAMS, of_ingest, plan, run
from bench.rig import cells, results
from bench.rig.results import CellResult, Gate, Report


@pytest.mark.parametrize(
    ("values", "goal", "at_most", "reached"),
    [
        ([0.75], 0.75, False, True),
        ([0.7, 0.8, 0.74], 0.75, False, False),
        ([9.9, 50.0, 10.1], 10.0, True, False),
        ([10.0], 10.0, True, True),
    ],
)
def test_a_gate_goes_by_the_median(values: list[float], goal: float, at_most: bool, reached: bool) -> None:
    assert Gate(what="x", values=values, goal=goal, at_most=at_most).reached is reached


@pytest.mark.parametrize(("value", "shown"), [(0.4567, "0.46"), (12.34, "12.3"), (1234.5, "1,234"), (-3.0, "-3.00")])
def test_numbers_have_the_digits_that_say_something(value: float, shown: str) -> None:
    assert results.number(value) == shown


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 6), (95, 10), (100, 10)])
def test_percentiles(percent: float, value: float) -> None:
    assert results.percentile([float(n) for n in range(10, 0, -1)], percent) == value


def report() -> Report:
    done = CellResult(
        cell="mail",
        seconds=12.4,
        gates=[Gate(what="text", values=[410.0, 390.0, 450.0], goal=400, unit="mails/s")],
        figures={"us a mail": [1300.0]},
        memory={"worker": 110.2},
    )
    late = CellResult(cell="world", status="out of time")
    missing = CellResult(cell="pooler", status="not here", note="PgBouncer: `apt install pgbouncer`.")
    return Report(at="today", machine="2 processors", load=1.5, command="./dev bench all", cells=[done, late, missing])


def test_the_page_says_what_was_reached_and_what_was_not_measured() -> None:
    page = results.markdown(report())
    assert "| mail | text | 410 [390–450] mails/s | at least 400 mails/s | reached |" in page
    assert "medians with ranges, n=3" in page
    assert "**world** (0 s). The time was over before the cell was." in page
    assert "not installed here. PgBouncer: `apt install pgbouncer`." in page
    assert "- memory, MB: worker 110" in page


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results.write(tmp_path / "one.json", report().cells)
    assert results.read(tmp_path / "one.json") == report().cells
    results.write_report(tmp_path, report())
    assert msgspec.json.decode((tmp_path / "benchmarks.json").read_bytes(), type=Report) == report()
    assert (tmp_path / "benchmarks.md").read_text() == results.markdown(report())


def test_a_cell_in_the_terminal() -> None:
    first, gate, figure, memory = results.lines(report().cells[0])
    assert (
        first == "mail: done, 12 s"
        and gate.endswith("reached")
        and "1,300" in figure
        and memory.endswith("worker 110 MB")
    )


def test_cells_share_the_time_that_is_left() -> None:
    assert plan(PROGRAMS, 1, 0.02, 3600) == (PROGRAMS[0], PROGRAMS[0].limit_s)
    assert plan(PROGRAMS, 3, 0.02, 3600) == (PROGRAMS[0], 3 * PROGRAMS[0].limit_s)
    assert plan(PROGRAMS, 3, 0.02, 60) == (PROGRAMS[0], 60)
    world = next(program for program in PROGRAMS if program.name == "world")
    assert plan([world], 1, 0.2, 1e6) == (world, pytest.approx(10 * world.limit_s))
    assert plan(PROGRAMS, 1, 0.02, 5) is None and plan([], 1, 0.02, 3600) is None


def test_every_cell_is_a_program_with_its_options() -> None:
    """Each is called with options that it has: `--help` is answered before anything is begun."""
    for program in PROGRAMS:
        source = Path(*program.module.split(".")).with_suffix(".py").read_text()
        options = [word for word in (*program.arguments(1, 0.5), program.option) if word.startswith("--")]
        assert options and all(f'"{option}"' in source for option in options), program.name
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)


FAILS = "import sys; sys.exit('no')"
SLEEPS = "import time; time.sleep(60)"
WRITES = 'import pathlib, sys; pathlib.Path(sys.argv[-1]).write_text(\'[{"cell": "x"}]\')'


@pytest.mark.parametrize(
    ("source", "limit_s", "status"), [(FAILS, 30, "failed"), (SLEEPS, 0.2, "out of time"), (WRITES, 30, "done")]
)
def test_a_cell_that_fails_or_hangs_is_a_result_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, limit_s: float, status: str
) -> None:
    (tmp_path / "cell_of_tests.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = everything.Program("x", "cell_of_tests", lambda rounds, scale: [], 60)
    (result,) = run(program, [], limit_s, tmp_path / "log")
    assert (result.cell, result.status) == ("x", status)
    assert (status == "failed") == ("no" in (tmp_path / "log").read_text())


def test_gates_of_ingest() -> None:
    bare, single = (
        {"rate": 9000.0, "us": 40.0, "p99": 3.0, "refused": 0},
        {"rate": 3000.0, "us": 100.0, "p99": 30.0, "refused": 2},
    )
    result = of_ingest(
        {"bare": [bare], "single": [single], "alone": [{**single, "p99": 8.0}], "batch": [{**single, "rate": 20_000.0}]}
    )
    assert [(round(gate.median, 2), gate.reached) for gate in result.gates] == [
        (0.33, True), (0.4, True), (20_000.0, False), (8.0, True)
    ]  # fmt: skip
    assert result.figures["requests refused for a while and sent again"] == [6]


def test_gates_of_work_beside_others() -> None:
    alone, with_others = cells.Reading(1000, 20, 30, 80, 90), cells.Reading(900, 25, 35, 80, 95)
    more = beside.result_of("workflows", [alone], [with_others], 1.0)
    assert (more.gates[0].values, more.gates[0].reached, more.memory) == ([10], True, {"worker": 95})
    share = beside.result_of("listener", [alone], [with_others], 1.0)
    assert (round(share.gates[0].median, 2), share.gates[0].reached) == (0.83, False)


def test_the_flow_of_the_canvas_cell_is_as_large_as_one_may_be() -> None:
    flow = canvas.flow()
    assert len(flow["nodes"]) == len(flow["edges"]) == canvas.STEPS
    assert [len(canvas.ops(kind, 7)) for kind in canvas.KINDS] == [1, 1, 2]


def test_what_processes_complain_about_is_counted_by_kind() -> None:
    log = (
        'x psycopg.errors.InvalidSqlStatementName: prepared statement "_pg3_0" does not exist\n'
        'y psycopg.errors.InvalidSqlStatementName: prepared statement "_pg3_12" does not exist\n'
        "psycopg.errors.LockNotAvailable: canceling statement\n"
    )
    assert sorted(pooler.faults(log).values()) == [1, 2]


def test_the_version_of_a_pooler(tmp_path: Path) -> None:
    for text, version in (("PgBouncer 1.18.0", (1, 18)), ("PgBouncer 1.25.1", (1, 25)), ("nothing", (0, 0))):
        program = tmp_path / "pooler"
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o755)
        assert pooler.version_of(str(program)) == version


def test_a_neighbour_may_cost_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    within = neighbour.result_of("mail", 1000, [0.1] * 20, [1.0] * 20, 1.0)
    late = neighbour.result_of("mail", 1000, [0.1] * 20, [0.2] * 18 + [2.0] * 2, 1.0)
    assert (within.gates[0].reached, late.gates[0].reached) == (True, False)


def test_what_is_not_done_in_time_counts_as_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three one is done at once and two never."""
    monkeypatch.setattr(neighbour, "EVERY_S", 0.0)
    monkeypatch.setattr(neighbour, "LATEST_S", 0.05)
    keys = iter([UUID(int=n) for n in range(1, 4)])
    connection: Any = None
    seconds = neighbour.delays(connection, lambda: next(keys), lambda asked: {UUID(int=1)} & set(asked), 3)
    assert len(seconds) == 3 and seconds[1:] == [0.05, 0.05]
