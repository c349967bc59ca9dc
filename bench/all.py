"""`./dev bench all`: every benchmark, small enough for a time budget, with gates at the goals; results as JSON and as a page.

    ./dev bench all                                     all cells, within half an hour
    ./dev bench all --cells mail canvas --budget 300    some of them, within five minutes
    ./dev bench all --scale 1 --rounds 5 --budget 14400 at the scale of the goals
    ./dev bench all --out DIRECTORY                     `benchmarks.json` and `benchmarks.md` go there

Each cell is a program of its own with a limit: one that takes longer is ended, and those for which no time is left are not begun; the
page says so. A gate says whether a goal was reached, and the command ends well also when one was not.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rig import results
from bench.rig.results import CellResult, Gate, Report

Arguments = Callable[[int, float], list[str]]
"""From rounds and scale."""
LEAST_S = 20.0
"""A cell is not begun with less time than this left."""


@dataclass(frozen=True)
class Program:
    """A benchmark as a cell: how it is called, its limit for one round at the smallest scale, and the option that writes its figures."""

    name: str
    module: str
    arguments: Arguments
    limit_s: float
    option: str = "--result"
    reads: Callable[[Path], list[CellResult]] = field(default=results.read)


def _rounds(*more: str) -> Arguments:
    return lambda rounds, scale: ["--rounds", str(rounds), *more]


def _segments(rounds: int, scale: float) -> list[str]:
    return [
        "--rounds",
        str(rounds),
        "--contacts",
        "10000",
        str(max(50_000, int(1_000_000 * scale))),
        "--events",
        "5000",
    ]


def _ingest(path: Path) -> list[CellResult]:
    return [of_ingest(json.loads(path.read_text()))]


PROGRAMS = [
    Program("engine", "bench.engine", _rounds(), 240),
    Program("threads", "bench.engine", _rounds("--threads"), 180),
    Program("world", "bench.engine", lambda rounds, scale: ["--rounds", str(rounds), "--world", str(scale)], 420),
    Program("ingest", "bench.ingest", _rounds("--requests", "3000"), 240, "--json", _ingest),
    Program("beside", "bench.beside", _rounds(), 300),
    Program(
        "neighbour", "bench.neighbour", lambda rounds, scale: ["--size", str(max(20_000, int(200_000 * scale)))], 240
    ),
    Program("mail", "bench.mail", _rounds("--mails", "1500"), 240),
    Program("outside", "bench.outside", _rounds("--calls", "3000"), 180),
    Program("code", "bench.outside", _rounds("--code", "--calls", "1000"), 120),
    Program("segments", "bench.segments", _segments, 180),
    Program("pages", "bench.pages", lambda rounds, scale: ["--scale", str(min(0.1, scale)), "--rounds", "10"], 240),
    Program("canvas", "bench.canvas", _rounds("--ops", "100"), 240),
    Program("pooler", "bench.pooler", lambda rounds, scale: ["--events", "300"], 480),
    Program("memory", "bench.memory", lambda rounds, scale: ["--runs", str(max(100_000, int(1_000_000 * scale)))], 180),
]


def of_ingest(readings: dict[str, list[dict[str, float]]]) -> CellResult:
    """Its gates, from what `bench.ingest` wrote: by rate and processor against the bare server, batches, and one client alone."""
    from bench.ingest import GOALS

    pairs = list(zip(readings["single"], readings["bare"], strict=True))
    gates = [
        Gate(what="single / bare, by rate", values=[own["rate"] / bare["rate"] for own, bare in pairs], goal=GOALS["rate"]),
        Gate(what="bare / single, by web processor", values=[bare["us"] / own["us"] for own, bare in pairs], goal=GOALS["cpu"]),
        Gate(what="batches", values=[one["rate"] for one in readings["batch"]], goal=GOALS["batch"], unit="events/s"),
        Gate(what="one client, p99", values=[one["p99"] for one in readings["alone"]], goal=GOALS["p99"], unit="ms", at_most=True),
    ]  # fmt: skip
    figures = {f"{cell}, events/s": [one["rate"] for one in of_cell] for cell, of_cell in readings.items()}
    figures["requests refused for a while and sent again"] = [
        sum(one["refused"] for of_cell in readings.values() for one in of_cell)
    ]
    return CellResult(cell="ingest", gates=gates, figures=figures)


def plan(programs: Sequence[Program], rounds: int, scale: float, left_s: float) -> tuple[Program, float] | None:
    """The next program and its limit in seconds: what it needs, no more than is left. None when there is nothing to begin."""
    if not programs or left_s < LEAST_S:
        return None
    factor = rounds * max(1.0, scale / SMALL_SCALE) if programs[0].name in GROWING else rounds
    return programs[0], min(programs[0].limit_s * factor, left_s)


SMALL_SCALE = 0.02
GROWING = frozenset(("world", "segments"))
"""Cells that fill more with the scale."""


def run(program: Program, arguments: Sequence[str], limit_s: float, log: Path) -> list[CellResult]:
    """Run one cell within its limit, with its output in `log`. A cell that fails is a result too."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, log.open("ab") as output:
        path = Path(folder) / "result.json"
        command = [sys.executable, "-m", program.module, *arguments, program.option, str(path)]
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return [_unfinished(program, "out of time", began)]
        finally:
            _end(process)
        if not path.exists():
            return [_unfinished(program, "failed", began, f"It ended with {code}; the log has its last words.")]
        cell_results = program.reads(path)
    seconds = time.monotonic() - began
    return [CellResult(**{**_fields(one), "seconds": one.seconds or seconds}) for one in cell_results]


def _fields(result: CellResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in result.__struct_fields__}


def _unfinished(program: Program, status: results.Status, began: float, note: str = "") -> CellResult:
    return CellResult(cell=program.name, status=status, seconds=time.monotonic() - began, note=note)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a cell and all that it has started: they are a group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
    process.wait(10)


def main() -> None:
    names = [program.name for program in PROGRAMS]
    parser = argparse.ArgumentParser(
        prog="./dev bench all", description="Run all benchmarks within a time budget, and write what they came to."
    )
    parser.add_argument("--cells", nargs="+", choices=names, default=names, help="only these")
    parser.add_argument("--budget", type=float, default=1800, help="seconds for all of them")
    parser.add_argument("--rounds", type=int, default=1, help="of each cell that can be repeated")
    parser.add_argument(
        "--scale",
        type=float,
        default=SMALL_SCALE,
        help="of the full world; 1 is a million runs and a million that wait",
    )
    parser.add_argument("--out", type=Path, default=Path("var/benchmarks"), help="where the results go")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "benchmarks.log"
    log.unlink(missing_ok=True)
    end = time.monotonic() + options.budget
    waiting = [program for program in PROGRAMS if program.name in options.cells]
    cell_results = list[CellResult]()
    while next_one := plan(waiting, options.rounds, options.scale, end - time.monotonic()):
        program, limit_s = next_one
        waiting.pop(0)
        print(f"{program.name} …", flush=True)
        for result in run(program, program.arguments(options.rounds, options.scale), limit_s, log):
            cell_results.append(result)
            print("\n".join(results.lines(result)), flush=True)
    cell_results += [CellResult(cell=program.name, status="out of time") for program in waiting]
    report = Report(
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=results.machine(),
        load=os.getloadavg()[0],
        command=shlex.join(["./dev", "bench", "all", *sys.argv[1:]]),
        cells=cell_results,
    )
    results.write_report(options.out, report)
    print(f"\nresults: {options.out}/benchmarks.json and .md; output of the cells: {log}")


if __name__ == "__main__":
    main()
