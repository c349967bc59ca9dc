"""`./dev bench engine`: W1 and W2 through the real engine against the PostgreSQL bound, interleaved, in one run.

    ./dev bench engine                      bound, W1, W2, with 1 and 2 workers; 5 rounds
    ./dev bench engine --features           what each feature costs
    ./dev bench engine --small              batches of 1, 10 and 100, written either way
    ./dev bench engine --threads            one process with one engine and with two
    ./dev bench engine --world 0.25         the same work in an empty world and in a full one, here of a quarter: 1 is 200,000
                                            contacts, a million runs that ended and a million that wait
    ./dev bench engine --rounds 7 --json F  more rounds; all readings into a file

Read the ratios: machines differ, and so do minutes on one machine. Ratios are made round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.rig import place, results
from bench.rig.cells import Reading, Spec, measure
from bench.rig.flows import VARIANTS
from bench.rig.world import World

Readings = dict[Spec, list[Reading]]
W1, W1_TWICE = Spec("w1"), Spec("w1", threads=2)
MAIN = [Spec(kind, workers) for kind in ("bound", "w1", "w2") for workers in (1, 2)]
FEATURES = [Spec("bound"), *(Spec("w1", feature=name) for name in VARIANTS)]
SMALL = [
    spec
    for size in (1, 10, 100)
    for spec in (Spec("bound", size=size), Spec("w1", size=size, write="copy"), Spec("w1", size=size, write="pipeline"))
]
THREADS = [Spec(kind, threads=threads) for kind in ("bound", "w1") for threads in (1, 2)]
WORLD = [replace(spec, full=full) for spec in (Spec("bound"), W1, Spec("w2"), W1_TWICE) for full in (False, True)]


def run(specs: Sequence[Spec], rounds: int) -> Readings:
    """Measure each spec once a round, in another order each time."""
    readings: Readings = {spec: [] for spec in specs}
    for number in range(rounds):
        for spec in random.sample(list(specs), len(specs)):
            readings[spec].append(measure(spec))
        print(f"round {number + 1} of {rounds}", flush=True)
    return readings


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median [min-max] n."""
    shown = f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"
    return f"{shown} n={len(values)}"


def ratios(readings: Readings, spec: Spec, base: Spec) -> list[float]:
    """Rate of `spec` over that of `base`, round by round."""
    return [one.rate / other.rate for one, other in zip(readings[spec], readings[base], strict=True)]


def spared(readings: Readings, spec: Spec, base: Spec) -> list[float]:
    """Processor time of `base` over that of `spec`: the same ratio where other programs take the processors away."""
    return [other.us / one.us for one, other in zip(readings[spec], readings[base], strict=True)]


def report(readings: Readings) -> None:
    """Print a line a spec with its ratio to the bound of the same size and workers, by the clock and by processor time."""
    heads = f"{'of the bound, by the clock':28} {'by processor time':28}"
    print(f"{'what':26} {'runs/s':34} {heads} py us/run  pg us/run  MB, peak")
    for spec, spec_readings in readings.items():
        base = Spec("bound", spec.workers, spec.size, full=spec.full)
        name = label(spec)
        compared = base in readings and base != spec and spec.kind != "w2"  # the bound writes the rows of W1
        ratio = spread(ratios(readings, spec, base)) if compared else ""
        spare = spread(spared(readings, spec, base)) if compared else ""
        python, postgres = (
            statistics.median(v) for v in ([r.python_us for r in spec_readings], [r.postgres_us for r in spec_readings])
        )
        memory = f"{max(r.rss_mb for r in spec_readings):.0f}, {max(r.peak_mb for r in spec_readings):.0f}"
        print(
            f"{name:26} {spread([r.rate for r in spec_readings], 0):34} {ratio:28} {spare:28} {python:9.1f}  {postgres:9.1f}  {memory}"
        )


TARGETS = [
    ("W1, 1 worker / bound", Spec("w1"), Spec("bound"), 0.6),
    ("W1, 2 workers / bound", Spec("w1", 2), Spec("bound", 2), 0.6),
    ("W1, 2 workers / 1 worker", Spec("w1", 2), Spec("w1"), 1.4),
    ("W2 / W1, 1 worker", Spec("w2"), Spec("w1"), 1.2),
    ("W1, 2 threads / 1 thread", W1_TWICE, W1, 1.3),
    ("W1, 2 threads / bound", W1_TWICE, Spec("bound"), 0.75),
    ("W1, full / empty world", replace(W1, full=True), W1, 0.8),
    ("W1, 2 threads, full / empty", replace(W1_TWICE, full=True), W1_TWICE, 0.8),
    ("W2, full / empty world", Spec("w2", full=True), Spec("w2"), 0.8),
]
"""What the rate of one is of the rate of another, and what it must be."""


def targets(readings: Readings) -> None:
    """The main ratios beside what they must reach."""
    print()
    for name, spec, base, wanted in TARGETS:
        if spec not in readings or base not in readings:
            continue
        spec_ratios = ratios(readings, spec, base)
        verdict = "reached" if statistics.median(spec_ratios) >= wanted else "MISSED"
        by_processor = f"by processor time {spread(spared(readings, spec, base))}"
        print(f"{name:28} {spread(spec_ratios):30} target {wanted}  {verdict:8} {by_processor}")


def result(cell: str, readings: Readings, seconds: float) -> results.CellResult:
    """The targets as gates, by the clock; the same ratios by processor time, and the rates, as figures."""
    measured = [row for row in TARGETS if row[1] in readings and row[2] in readings]
    return results.CellResult(
        cell=cell,
        seconds=seconds,
        gates=[
            results.Gate(what=name, values=ratios(readings, spec, base), goal=goal)
            for name, spec, base, goal in measured
        ],
        figures={
            **{f"{name}, by processor time": spared(readings, spec, base) for name, spec, base, _ in measured},
            **{f"{label(spec)}, runs/s": [one.rate for one in of_spec] for spec, of_spec in readings.items()},
        },
        memory={
            "worker": max(one.peak_mb for spec, of_spec in readings.items() if spec.kind != "bound" for one in of_spec)
        },
    )


def label(spec: Spec) -> str:
    """What a spec is called in reports."""
    name = f"{spec.kind} {spec.workers}w{f' {spec.threads}t' if spec.threads > 1 else ''} B={spec.size}"
    name += " full" if spec.full else ""
    return name + (f" {spec.feature}" if spec.feature != "all on" else f" {spec.write}" if spec.write else "")


def costs(readings: Readings) -> None:
    """What each feature takes, in processor time a run."""
    base = readings[Spec("w1")]
    print()
    for name, meaning in VARIANTS.items():
        feature_readings = readings[Spec("w1", feature=name)]
        more = [
            (a.python_us + a.postgres_us) - (b.python_us + b.postgres_us)
            for a, b in zip(feature_readings, base, strict=True)
        ]
        print(f"{name:14} {spread(more, 1):34} us/run against all on   {meaning}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench engine", description="Measure the engine against PostgreSQL.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--features", action="store_true", help="what each feature costs")
    parser.add_argument("--small", action="store_true", help="small batches")
    parser.add_argument("--threads", action="store_true", help="two engines in one process")
    parser.add_argument("--world", type=float, metavar="SCALE", help="in a full world as well")
    parser.add_argument("--json", type=Path, help="write all readings to this file")
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    began = time.monotonic()
    specs = FEATURES if options.features else SMALL if options.small else THREADS if options.threads else MAIN
    place.prepare()
    if options.world:
        specs = WORLD
        place.prepare_world(World().scaled(options.world))
    readings = run(specs, options.rounds)
    print()
    report(readings)
    if options.features:
        costs(readings)
    elif not options.small:
        targets(readings)
    print(f"\nload {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    if options.json:
        rows = [
            {**asdict(spec), "readings": [asdict(r) for r in spec_readings]} for spec, spec_readings in readings.items()
        ]
        options.json.write_text(json.dumps(rows, indent=1))
    if options.result:
        cell = f"engine, world {options.world}" if options.world else "engine"
        results.write(options.result, [result(cell, readings, time.monotonic() - began)])


if __name__ == "__main__":
    main()
