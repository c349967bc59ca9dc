"""`./dev bench canvas`: how long the canvas waits for an answer, on the largest flow that there may be.

    ./dev bench canvas                200 ops of each kind, one after another, by the API
    ./dev bench canvas --ops 50 --result F

Each op is one request of one client to one web process, as the canvas sends it: checked against the whole document, stored with a new
revision, answered with what is wrong in the flow now.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

from app.lib import database
from app.lib.ids import uuid7
from bench.rig import place, results, web

STEPS = 100
"""As many as a workflow may have where the operator has not set more."""

PATH = "/api/v1/workflows"


def flow() -> dict[str, Any]:
    """A chain of as many steps as a flow may have: tags, and an end."""
    steps = [f"n{number}" for number in range(STEPS)]
    nodes = [
        {"id": step, "type": "add_tag", "data": {"tag": step}, "position": {"x": 280, "y": 168 * number}}
        for number, step in enumerate(steps[:-1], 1)
    ]
    nodes.append({"id": steps[-1], "type": "end", "data": {}, "position": {"x": 280, "y": 168 * STEPS}})
    edges = [
        {"id": f"e{number}", "source": source, "target": target, "sourceHandle": "next"}
        for number, (source, target) in enumerate(zip(["trigger", *steps], steps, strict=False))
    ]
    return {"name": "Canvas", "trigger": {"type": "event", "event": "canvas.opened"}, "nodes": nodes, "edges": edges}


def ops(kind: str, number: int) -> list[dict[str, Any]]:
    """The `number`th op of a kind; each undoes nothing that a later one needs."""
    step = f"n{number % (STEPS - 1)}"
    match kind:
        case "move a step":
            return [_op("move_node", nodeId=step, position={"x": 280 + number, "y": 40})]
        case "edit a step":
            return [_op("update_node", nodeId=step, data={"tag": f"tag-{number}"})]
        case "remove and add a step":
            node = {"id": step, "type": "add_tag", "data": {"tag": step}, "position": {"x": 0, "y": 0}}
            return [_op("remove_node", nodeId=step), _op("add_node", node=node)]
    raise ValueError(kind)


KINDS = ("move a step", "edit a step", "remove and add a step")


def _op(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "id": str(uuid7()), **fields}


def measure(client: web.Client, count: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by kind."""
    milliseconds: dict[str, list[float]] = {}
    for kind in KINDS:
        status, answer = client.ask("POST", PATH, flow())
        assert status == 201, answer
        workflow_id, revision = answer["data"]["id"], answer["data"]["draftRev"]
        times = milliseconds[kind] = []
        for number in range(count):
            body = {"client": "bench", "ops": ops(kind, number)}
            began = time.perf_counter()
            status, answer = client.ask("PATCH", f"{PATH}/{workflow_id}/draft", body, **{"if-match": f'"{revision}"'})
            times.append((time.perf_counter() - began) * 1e3)
            assert status == 200, answer
            revision = answer["data"]["rev"]
    return milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench canvas", description="Measure the answers to ops of the canvas.")
    parser.add_argument("--ops", type=int, default=200, help="of each kind")
    parser.add_argument("--result", type=Path, help="write the result to this file")
    options = parser.parse_args()
    began = time.monotonic()
    place.prepare()
    with database.connect("bench", None) as connection:
        key = web.admin_key(place.tenant_of(connection))
    with web.serving() as server, contextlib.closing(web.Client(server.port, key)) as client:
        measure(client, 10)
        processor = server.seconds()
        milliseconds = measure(client, options.ops)
        processor = (server.seconds() - processor) / (options.ops * len(KINDS)) * 1e3
        figures = {}
        for kind, times in milliseconds.items():
            for percent in (50, 95):
                figures[f"{kind}, p{percent} ms"] = [results.percentile(times, percent)]
        result = results.CellResult(
            cell="canvas",
            seconds=time.monotonic() - began,
            figures={**figures, "processor of the web process, ms an op": [processor]},
            memory={"web": server.megabytes()},
            note=f"A flow of {STEPS} steps, the most that a flow may have.",
        )
    print("\n".join(results.lines(result)))
    if options.result:
        results.write(options.result, [result])


if __name__ == "__main__":
    main()
