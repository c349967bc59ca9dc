"""`./dev bench memory`: one worker moves a million runs, and its memory stays where it was after the first ones.

    ./dev bench memory                 1,000,000 runs of a condition and a tag, half of them after a wait
    ./dev bench memory --runs 200000   fewer

Its tables are emptied between rounds, so that a round is as fast as the one before and the disk stays small.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path
from typing import Any

from app import wakes
from app.lib import database
from bench.rig import place, results
from bench.rig.flows import EVENT

ROUND = 20_000
ALLOWED_MB = 16
"""What the allocator may keep more at the end than after the first rounds. Kept runs would be 0.9 kB each: 900 MB."""
WARM_ROUNDS = 3
GRAPH: dict[str, Any] = {
    "trigger": {"type": "event", "event": EVENT},
    "nodes": [
        {
            "id": "c",
            "type": "condition",
            "data": {"conditions": [{"field": "contact.source", "operator": "equals", "value": "website"}]},
        },
        {"id": "t", "type": "add_tag", "data": {"tag": "seen"}},
        {"id": "w", "type": "delay", "data": {"duration": 1, "unit": "hours"}},
        {"id": "e", "type": "end", "data": {}},
    ],
    "edges": [
        {"source": "trigger", "target": "c"},
        {"source": "c", "target": "t", "sourceHandle": "true"},
        {"source": "t", "target": "w"},
        {"source": "w", "target": "e"},
    ],
    "goals": [],
    "settings": {"reentry": "always"},
}


def _work(runs: int, readings_queue: Any) -> None:
    from app.engine.advance import Engine

    engine = Engine(database.connect("bench"))
    moved = 0
    with database.connect("bench") as connection:
        while moved < runs:
            people = place.fill(GRAPH, ROUND)
            place.send_events(people)
            while engine.take_events():
                pass
            connection.execute(
                "update active_runs set resume_at = now() where status = 1 and id in (select id from active_runs limit %s)",
                (ROUND // 2,),
            )
            wakes.sweep(connection)
            while engine.take_due():
                pass
            row = connection.execute("select count(*), count(*) filter (where status = 4) from runs").fetchone()
            assert row == (ROUND, ROUND // 2), row
            moved += ROUND
            readings_queue.put((moved, *place.megabytes()))
    readings_queue.put(None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench memory", description="Does a worker keep what it has moved?")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--result", type=Path, help="write the result to this file")
    options = parser.parse_args()
    place.prepare()
    context = multiprocessing.get_context("spawn")
    readings_queue = context.Queue()
    worker = context.Process(target=_work, args=(options.runs, readings_queue))
    began = time.monotonic()
    worker.start()
    readings: list[tuple[int, float, float]] = []
    while (reading := readings_queue.get(timeout=300)) is not None:
        readings.append(reading)
        if len(readings) <= WARM_ROUNDS or len(readings) % 10 == 0:
            print(f"{reading[0]:>9,} runs   {reading[1]:6.1f} MB, peak {reading[2]:6.1f}", flush=True)
    worker.join(30)
    grown = readings[-1][1] - readings[min(WARM_ROUNDS, len(readings)) - 1][1]
    verdict = "flat" if grown <= ALLOWED_MB else "GROWS"
    print(
        f"\n{readings[-1][0]:,} runs in {time.monotonic() - began:.0f} s: {grown:+.1f} MB since run {WARM_ROUNDS * ROUND:,}"
        f" ({grown * 1e6 / readings[-1][0]:.0f} bytes a run), {ALLOWED_MB} allowed: {verdict}"
    )
    if options.result:
        gate = results.Gate(what="kept after the first runs", values=[grown], goal=ALLOWED_MB, unit="MB", at_most=True)
        memory = {"worker": max(reading[2] for reading in readings)}
        figures = {"runs": [float(readings[-1][0])]}
        seconds = time.monotonic() - began
        results.write(
            options.result,
            [results.CellResult(cell="memory", seconds=seconds, gates=[gate], figures=figures, memory=memory)],
        )
    if grown > ALLOWED_MB:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
