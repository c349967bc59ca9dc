"""`./dev bench canvas`: how long the canvas waits for an answer, and what gestures take of a browser, beside other canvases.

    ./dev bench canvas                  200 ops of each kind by the API; then gestures in a browser, three rounds
    ./dev bench canvas --ops 50 --rounds 5 --result F
    ./dev bench canvas --ops 0          the browser alone; `--rounds 0`: the API alone

Each op is one request of one client to one web process, as the canvas sends it: checked against the whole document, stored with a new
revision, answered with what is wrong in the flow now. The browser drags, pans and zooms the builder, the first sketch of it
(`canvases/`), and @xyflow/react, which is fetched by npm into a temporary folder, by turns (`rig/frames.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.accounts import sessions
from app.accounts.authentication import cookie_name
from app.lib import clock, crypto, database
from app.lib.ids import uuid7
from bench.rig import canvas_pages, frames, place, results, web
from tools.dev import browser

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


GOALS = {"drag": 4.0, "pan": 7.0, "zoom": 10.0}
"""Milliseconds of the main thread a frame, with 500 steps."""
SIZES = (100, 500)
FIRST_PAINT_MS, LONGEST_TASK_MS = 500.0, 200.0


def sign_in(tenant: int) -> str:
    """The token of a session of one who may edit."""
    token, user, now = secrets.token_urlsafe(32), uuid7(), clock.now()
    with database.connect("bench", None) as connection:
        connection.execute("insert into users (id, email) values (%s, 'canvas@example.com')", (user,))
        connection.execute(
            "insert into memberships (tenant_id, user_id, role) values (%s, %s, 'owner')", (tenant, user)
        )
        connection.execute(
            "insert into sessions (id, token_hash, user_id, tenant_id, created_at, seen_at, expires_at, lasting)"
            " values (%s, %s, %s, %s, %s, %s, %s, true)",
            (uuid7(), crypto.fingerprint(token), user, tenant, now, now, sessions.end_of(now, now, lasting=True)),
        )
    return token


def in_browser(server: web.WebServer, client: web.Client, token: str, rounds: int) -> results.CellResult:
    """The gestures on each canvas, by turns, with few and with very many steps."""
    from playwright.sync_api import sync_playwright

    began, url = time.monotonic(), f"http://127.0.0.1:{server.port}"
    ids = {}
    for steps in SIZES:
        status, answer = client.ask("POST", PATH, canvas_pages.flow(steps))
        assert status == 201, answer
        ids[steps] = answer["data"]["id"]
    readings: dict[tuple[str, int], list[frames.Reading]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        why = canvas_pages.build(Path(folder))
        chromium = playwright.chromium.launch(executable_path=browser.find_or_fetch(print), args=browser.flags())
        with canvas_pages.serving(Path(folder)) as port:
            for _, steps in ((number, steps) for number in range(rounds) for steps in SIZES):
                beside = [
                    one for one in canvas_pages.beside(port, steps) if not why or not one.name.startswith("xyflow")
                ]
                for canvas in (canvas_pages.builder_page(url, ids[steps], cookie_name(), token), *beside):
                    context = chromium.new_context(viewport=frames.SIZE)
                    readings.setdefault((canvas.name, steps), []).append(frames.read(context, canvas))
                    context.close()
        chromium.close()
    note = "Main thread of the browser, processor milliseconds a frame." + (
        f" @xyflow/react not measured: {why}." if why else ""
    )
    return results.CellResult(
        cell="canvas in a browser", seconds=time.monotonic() - began, gates=list(gates(readings)), figures=figures(readings), note=note
    )  # fmt: skip


def gates(readings: dict[tuple[str, int], list[frames.Reading]]) -> Iterable[results.Gate]:
    """The goals of the builder."""
    largest, common = readings["builder", SIZES[-1]], readings["builder", SIZES[0]]
    for gesture, goal in GOALS.items():
        values = [one.milliseconds[gesture] for one in largest]
        yield results.Gate(what=f"{gesture}, {SIZES[-1]} steps", values=values, goal=goal, unit="ms", at_most=True)
    paints = [one.first_paint for one in common]
    yield results.Gate(
        what=f"first paint, {SIZES[0]} steps", values=paints, goal=FIRST_PAINT_MS, unit="ms", at_most=True
    )
    longest = [one.longest for one in largest]
    yield results.Gate(
        what=f"longest task, {SIZES[-1]} steps", values=longest, goal=LONGEST_TASK_MS, unit="ms", at_most=True
    )


def figures(readings: dict[tuple[str, int], list[frames.Reading]]) -> dict[str, list[float]]:
    """All that was measured of each canvas, one value a round."""
    lines = {}
    for (name, steps), rounds in readings.items():
        start = f"{name}, {steps} steps"
        for gesture in rounds[0].milliseconds:
            lines[f"{start}: {gesture}, ms"] = [one.milliseconds[gesture] for one in rounds]
        if name == "builder":
            for part in rounds[0].parts:
                lines[f"{start}: {part}, ms"] = [one.parts[part] for one in rounds]
        lines[f"{start}: first paint, ms"] = [one.first_paint for one in rounds]
        lines[f"{start}: ready, ms"] = [one.ready for one in rounds]
        lines[f"{start}: longest task, ms"] = [one.longest for one in rounds]
        lines[f"{start}: elements"] = [float(one.elements) for one in rounds]
        lines[f"{start}: memory of scripts, MB"] = [one.megabytes for one in rounds]
    return lines


def by_api(server: web.WebServer, client: web.Client, ops: int) -> results.CellResult:
    """The answers to ops, one after another."""
    began = time.monotonic()
    measure(client, 10)
    processor = server.seconds()
    milliseconds = measure(client, ops)
    processor = (server.seconds() - processor) / (ops * len(KINDS)) * 1e3
    figures = {}
    for kind, times in milliseconds.items():
        for percent in (50, 95):
            figures[f"{kind}, p{percent} ms"] = [results.percentile(times, percent)]
    return results.CellResult(
        cell="canvas",
        seconds=time.monotonic() - began,
        figures={**figures, "processor of the web process, ms an op": [processor]},
        memory={"web": server.megabytes()},
        note=f"A flow of {STEPS} steps, the most that a flow may have where nothing else is set.",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench canvas", description="Measure answers to the canvas, and its gestures."
    )
    parser.add_argument("--ops", type=int, default=200, help="of each kind, by the API")
    parser.add_argument("--rounds", type=int, default=3, help="of the gestures in a browser")
    parser.add_argument("--result", type=Path, help="write the results to this file")
    options = parser.parse_args()
    place.prepare()
    with database.connect("bench", None) as connection:
        tenant = place.tenant_of(connection)
    key, token = web.admin_key(tenant), sign_in(tenant)
    cells = []
    more = {"THROUGHLINE_STEPS_A_WORKFLOW": str(SIZES[-1])}
    with web.serving(more=more) as server, contextlib.closing(web.Client(server.port, key)) as client:
        if options.ops:
            cells.append(by_api(server, client, options.ops))
        if options.rounds:
            try:
                cells.append(in_browser(server, client, token, options.rounds))
            except browser.NoBrowser as missing:
                cells.append(results.CellResult(cell="canvas in a browser", status="not here", note=str(missing)))
    for cell in cells:
        print("\n".join(results.lines(cell)))
    if options.result:
        results.write(options.result, cells)


if __name__ == "__main__":
    main()
