"""What cells of a benchmark came to: figures, gates at the goals, memory. As JSON, and as a page."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

Status = Literal["done", "failed", "out of time", "not here"]
_SENTENCES = {
    "failed": "The cell ended with an error.",
    "out of time": "The time was over before the cell was.",
    "not here": "A program that the cell needs is not installed here.",
}


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A goal and what was measured, one value a round. A gate says whether the goal was reached; nothing fails by it."""

    what: str
    values: list[float]
    goal: float
    unit: str = ""
    at_most: bool = False
    """The goal is a ceiling, not a floor."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool:
        return self.median <= self.goal if self.at_most else self.median >= self.goal


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """One cell: `figures` are values by round, `memory` the most megabytes that each kind of process had."""

    cell: str
    status: Status = "done"
    seconds: float = 0.0
    gates: list[Gate] = []
    figures: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    note: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All cells of one run, and where they ran."""

    at: str
    machine: str
    load: float
    command: str
    cells: list[CellResult]


def write(path: Path, results: Sequence[CellResult]) -> None:
    """The results of a program, for `./dev bench all` to collect."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(results)), indent=1))


def read(path: Path) -> list[CellResult]:
    """What `write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=list[CellResult])


def write_report(folder: Path, report: Report) -> None:
    """The results of a run as JSON and as a page."""
    (folder / "benchmarks.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    (folder / "benchmarks.md").write_text(markdown(report))


def machine() -> str:
    """Where the figures come from, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors, {memory:.0f} GB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def number(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median, and the range where there is more than one value."""
    shown = number(statistics.median(values))
    if len(values) > 1:
        shown += f" [{number(min(values))}–{number(max(values))}]"
    return f"{shown} {unit}".strip()


def lines(result: CellResult) -> Iterable[str]:
    """A cell for a terminal."""
    yield f"{result.cell}: {result.status}, {result.seconds:.0f} s" + (f". {result.note}" if result.note else "")
    for gate in result.gates:
        yield f"  {gate.what:44} {spread(gate.values, gate.unit):34} {_goal(gate):22} {_verdict(gate)}"
    for what, values in result.figures.items():
        yield f"  {what:44} {spread(values)}"
    if result.memory:
        yield "  memory: " + ", ".join(f"{process} {megabytes:.0f} MB" for process, megabytes in result.memory.items())


def _goal(gate: Gate) -> str:
    return f"at {'most' if gate.at_most else 'least'} {number(gate.goal)} {gate.unit}".strip()


def _verdict(gate: Gate) -> str:
    return "reached" if gate.reached else "not reached"


def markdown(report: Report) -> str:
    """The page of a run: one table of gates, then what else each cell measured."""
    gates = [(result.cell, gate) for result in report.cells for gate in result.gates]
    rounds = max((len(gate.values) for _, gate in gates), default=1)
    page = [
        f"Measured {report.at}: {report.machine}; load {report.load:.1f} of other programs and this one at the end.",
        f"`{report.command}`; medians{' with ranges' if rounds > 1 else ''}, n={rounds}.",
        "",
        "| cell | what | measured | goal | |",
        "|---|---|---|---|---|",
        *(f"| {cell} | {gate.what} | {spread(gate.values, gate.unit)} | {_goal(gate)} | {_verdict(gate)} |" for cell, gate in gates),
        "",
    ]  # fmt: skip
    for result in report.cells:
        page += _paragraph(result)
    return "\n".join(page)


def _paragraph(result: CellResult) -> list[str]:
    sentences = [sentence for sentence in (_SENTENCES.get(result.status, ""), result.note) if sentence]
    page = [f"**{result.cell}** ({result.seconds:.0f} s). {' '.join(sentences)}".rstrip()]
    page += [f"- {what}: {spread(values)}" for what, values in result.figures.items()]
    if result.memory:
        page.append("- memory, MB: " + ", ".join(f"{process} {number(mb)}" for process, mb in result.memory.items()))
    return [*page, ""]
