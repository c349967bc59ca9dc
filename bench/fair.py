"""`./dev bench fair`: what small workspaces wait beside a giant, and what a paused giant costs, by the engine itself.

    ./dev bench fair                    20 workspaces with 20 due runs each beside 200,000 of a neighbour; 200,000 of a paused workflow
    ./dev bench fair --giant 20000      the same beside a smaller one

The giant's backlog is not walked to its end: the engine works until the small ones have what is theirs, then for a few seconds more.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app import wakes
from app.lib import database, ids
from bench.rig import place, results
from bench.rig.flows import W2

SMALL, RUNS = 20, 20
ALLOWED_S = 1.0
"""So much later than alone a small workspace's delay may be."""
ALLOWED_LOOK_MS = 5.0
"""An idle look beside a paused giant."""
LOOKS = 50
_WORKSPACE = "insert into workspaces (name, slug) values (%s, %s) returning id"
_WORKFLOW = """
insert into workflows (id, tenant_id, name, status, live_version, draft) values (%(id)s, %(tenant)s, 'Fair', 'active', 1, %(graph)s)
"""
_VERSION = """
insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%(id)s, 1, %(tenant)s, %(graph)s, '')
"""
_PARK = """
with people as (
  insert into contacts (id, tenant_id, email, source) select p, %(tenant)s, p || '@fair.example', 'website'
  from unnest(%(people)s::uuid[]) p returning id)
insert into active_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, status, seq,
  current_node_id, resume_at, resume_port, step_started_at)
select id, id, %(tenant)s, %(id)s, 1, '{}', now() - interval '1 day', 1, 0, 'd1', now() - %(late)s * interval '1 second', 'next',
  now() - interval '1 day' from people
"""


def _park(connection: psycopg.Connection[Any], name: str, runs: int, late: float) -> tuple[int, UUID]:
    """A workspace with one workflow, of which so many runs are due since `late` seconds."""
    row = connection.execute(_WORKSPACE, (name, f"fair-{name}-{ids.uuid7()}")).fetchone()
    assert row is not None
    arguments = {"tenant": row[0], "id": ids.uuid7(), "graph": Jsonb(W2), "late": late}
    connection.execute(_WORKFLOW, arguments)
    connection.execute(_VERSION, arguments)
    people = [UUID(bytes=raw) for raw in ids.uuid7_many(runs)]
    connection.execute(_PARK, {**arguments, "people": people})
    return row[0], arguments["id"]


def _beside(connection: psycopg.Connection[Any], giant: int) -> tuple[float, int, float]:
    """Seconds until the last of the small ones' runs moved, in how many batches, and runs a second in all."""
    from app.engine.advance import Engine

    small = [_park(connection, f"small-{number}", RUNS, 1)[0] for number in range(SMALL)]
    if giant:
        _park(connection, "giant", giant, 60)
    wakes.sweep(connection)
    connection.execute("vacuum analyze active_runs, contacts, wakes, workflows")
    connection.execute("checkpoint")
    engine, moved, batches, waited = Engine(database.connect("bench")), 0, 0, 0.0
    began = time.perf_counter()
    while not waited or time.perf_counter() - began < waited + 5:
        taken = engine.take_due()
        moved, batches = moved + taken, batches + 1
        if not waited:
            left = connection.execute("select count(*) from active_runs where tenant_id = any(%s)", (small,)).fetchone()
            if left == (0,):
                waited, of_small = time.perf_counter() - began, batches
        if not taken:
            break
    rate = moved / (time.perf_counter() - began)
    engine.close()
    return waited, of_small, rate


def _paused(connection: psycopg.Connection[Any], giant: int) -> tuple[float, float]:
    """Milliseconds of the look that meets a workflow which was paused with so many due runs, and of those after it."""
    from app.engine.advance import Engine

    _, workflow_id = _park(connection, "paused", giant, 60)
    wakes.sweep(connection)
    connection.execute("update workflows set status = 'paused' where id = %s", (workflow_id,))
    connection.execute("vacuum analyze active_runs, wakes, workflows")
    engine, looks = Engine(database.connect("bench")), list[float]()
    for _ in range(LOOKS):
        began = time.perf_counter()
        assert engine.take_due() == 0
        looks.append((time.perf_counter() - began) * 1e3)
    engine.close()
    return looks[0], statistics.median(looks[1:])


def result(
    giant: int, alone: float, beside: float, rate: float, first: float, later: float, seconds: float
) -> results.CellResult:
    """Both gates: how much later the small ones' runs moved, and what an idle look costs beside a paused giant."""
    return results.CellResult(
        cell="fair",
        seconds=seconds,
        gates=[
            results.Gate(
                what=f"beside {giant:,} due runs, later by",
                values=[beside - alone],
                goal=ALLOWED_S,
                unit="s",
                at_most=True,
            ),
            results.Gate(
                what=f"idle look beside {giant:,} paused", values=[later], goal=ALLOWED_LOOK_MS, unit="ms", at_most=True
            ),
        ],
        figures={
            "alone, s": [alone],
            "runs/s in all beside the giant": [rate],
            "first look at the paused one, ms": [first],
        },
        memory={"worker": place.megabytes()[1]},
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench fair", description="Does anybody wait for a neighbour?")
    parser.add_argument("--giant", type=int, default=200_000, help="runs of the neighbour, and of the paused workflow")
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    started = time.monotonic()
    place.prepare()
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        connection.execute(place.EMPTY)
        alone, batches, _ = _beside(connection, 0)
        print(f"alone:  the last of {SMALL} x {RUNS} runs moved after {alone:.2f} s, in {batches} batches", flush=True)
        connection.execute(place.EMPTY)
        beside, batches, rate = _beside(connection, options.giant)
        print(
            f"beside {options.giant:,}: after {beside:.2f} s, in {batches} batches; {rate:,.0f} runs/s in all",
            flush=True,
        )
        connection.execute(place.EMPTY)
        first, later = _paused(connection, options.giant)
        print(f"paused {options.giant:,}: the first look {first:.2f} ms, those after it {later:.2f} ms", flush=True)
    if options.result:
        seconds = time.monotonic() - started
        results.write(options.result, [result(options.giant, alone, beside, rate, first, later, seconds)])
    if beside - alone > ALLOWED_S or later > ALLOWED_LOOK_MS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
