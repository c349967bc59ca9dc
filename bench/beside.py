"""`./dev bench beside`: the same work, W1 by one worker, alone and beside what else an installation holds.

    ./dev bench beside                                  all cells, 3 rounds
    ./dev bench beside --cells listener --rounds 1 --result F

Cells: `listener` has other flows that wait for changes of contacts, `workflows` 1,000 flows that start by the same event, each for another
value of one property. Alone and beside in turn, in one database; read the ratios by processor time, which no other program takes away.
What a giant's due runs cost small workspaces, paused or not, measures `./dev bench fair`.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.lib import database, ids
from bench.rig import cells, place, results
from bench.rig.flows import EVENT, W2

OTHERS, LISTENERS = 1_000, 10
_WORKFLOW = """
insert into workflows (id, tenant_id, name, status, live_version, draft)
values (%(id)s, %(tenant)s, 'Beside ' || %(id)s, 'active', 1, %(graph)s)
"""
_VERSION = """
insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%(id)s, 1, %(tenant)s, %(graph)s, '')
"""


def _flows(connection: psycopg.Connection[Any], tenant: int, graphs: list[dict[str, Any]]) -> None:
    """Workflows of these documents, published."""
    workflow_ids = [UUID(bytes=raw) for raw in ids.uuid7_many(len(graphs))]
    with connection.transaction(), connection.cursor() as cursor:
        for workflow_id, graph in zip(workflow_ids, graphs, strict=True):
            arguments = {"id": workflow_id, "tenant": tenant, "graph": Jsonb(graph)}
            cursor.execute(_WORKFLOW, arguments)
            cursor.execute(_VERSION, arguments)


def listeners(connection: psycopg.Connection[Any], tenant: int) -> None:
    """Flows with a goal that a change of a contact can reach, that of the demo and one on any change; nobody of W1 is in them."""
    graph = copy.deepcopy(W2)
    graph["trigger"] = {"type": "event", "event": "beside.entered", "conditions": [], "match": "all"}
    condition = {"field": "attributes.has_purchased", "operator": "equals", "value": True}
    goal = {
        "id": "g1",
        "event": "contact.attribute_changed",
        "conditions": [condition],
        "match": "all",
        "checkContact": True,
    }
    graph["goals"] = [goal, {**goal, "id": "g2", "event": "contact.updated"}]
    _flows(connection, tenant, [graph] * LISTENERS)


def same_event(connection: psycopg.Connection[Any], tenant: int) -> None:
    """Flows that start by the event of W1, each only for a plan of its own."""
    graphs = []
    for number in range(OTHERS):
        graph = copy.deepcopy(W2)
        condition = {"field": "plan", "operator": "equals", "value": f"plan-{number}"}
        graph["trigger"] = {"type": "event", "event": EVENT, "conditions": [condition], "match": "all"}
        graphs.append(graph)
    _flows(connection, tenant, graphs)


BESIDE: dict[str, Callable[[psycopg.Connection[Any], int], None]] = {
    "listener": listeners,
    "workflows": same_event,
}


def measure(beside: str) -> cells.Reading:
    """W1 with one worker; `beside` names what else there is, '' nothing."""
    return cells.measure(cells.Spec("w1"), (lambda: _fill(beside)) if beside else None)


def _fill(beside: str) -> None:
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        BESIDE[beside](connection, place.tenant_of(connection))


def result_of(cell: str, alone: list[cells.Reading], beside: list[cells.Reading], seconds: float) -> results.CellResult:
    """The gates of a cell, from its readings round by round."""
    pairs = list(zip(alone, beside, strict=True))
    share = [one.us / other.us for one, other in pairs]
    more = [other.us - one.us for one, other in pairs]
    if cell == "workflows":
        gate = results.Gate(
            what=f"{OTHERS:,} flows on the same event, more", values=more, goal=50, unit="us/event", at_most=True
        )
    else:
        gate = results.Gate(what="beside listeners / alone, by processor", values=share, goal=0.9)
    return results.CellResult(
        cell=cell,
        seconds=seconds,
        gates=[gate],
        figures={
            "runs/s alone": [one.rate for one in alone],
            "runs/s beside": [one.rate for one in beside],
            "us a run alone, Python and PostgreSQL": [one.us for one in alone],
            "us a run beside": [one.us for one in beside],
        },
        memory={"worker": max(one.peak_mb for one in (*alone, *beside))},
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench beside", description="Measure the engine beside what others have."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", nargs="+", choices=list(BESIDE), default=list(BESIDE))
    parser.add_argument("--result", type=Path, help="write the results to this file")
    options = parser.parse_args()
    place.prepare()
    readings: dict[str, list[cells.Reading]] = {cell: [] for cell in ("", *options.cells)}
    seconds = dict.fromkeys(readings, 0.0)
    for number in range(options.rounds):
        for cell in random.sample(list(readings), len(readings)):
            began = time.monotonic()
            readings[cell].append(measure(cell))
            seconds[cell] += time.monotonic() - began
        print(f"round {number + 1} of {options.rounds}", flush=True)
    cell_results = [result_of(cell, readings[""], readings[cell], seconds[cell]) for cell in options.cells]
    for result in cell_results:
        print("\n".join(results.lines(result)))
    if options.result:
        results.write(options.result, cell_results)


if __name__ == "__main__":
    main()
