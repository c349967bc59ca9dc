"""`./dev bench outside`: HTTP steps through the real engine to a server on this machine, against plain httpx with the same concurrency.

    ./dev bench outside                     10,000 steps a cell, 3 rounds
    ./dev bench outside --calls 2000 --rounds 1 --json F
    ./dev bench outside --code              warm calls of JavaScript and Python: milliseconds each, memory over thousands

Cells: `httpx` is one process with as many requests at a time as a connector usually allows, `url` a step that calls a URL, `connector`
one that calls by a connector with a token. A cell of the engine counts from the events in the inbox until every run has ended: one worker
process with its engines and its calls, all that is recorded included. Rates go by the clock of a shared machine; the processor time
of a call is that of the worker, of its database sessions, and of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from app.lib import database, ids
from bench.rig import code_calls, http_sink, place, results
from bench.rig.flows import EVENT

GOAL = 0.5
PATIENCE_S = 300.0
"""A cell that takes longer is ended."""
CELLS = ("httpx", "url", "connector")
BODY = {"order": "o-1", "items": [{"sku": "a", "count": 2}]}
TOKEN = "t0ken"
_COUNT = (
    "select (select count(*) from ended_runs where status = 4), (select count(*) from outbound_calls where status = 'answered'),"
    " (select count(*) from calls)"
)
_SESSIONS = "select pid from pg_stat_activity where datname = current_database() and application_name like 'throughline %%' and pid <> %s"


@dataclass(frozen=True)
class Reading:
    """Calls a second, and processor microseconds a call of the caller, its database sessions and the server; MB of the caller."""

    rate: float
    caller_us: float
    postgres_us: float
    server_us: float
    rss_mb: float
    peak_mb: float
    connections: int


class Sink:
    """`http_sink` in a process."""

    def __init__(self, context: Any) -> None:
        ready, self._report = context.Queue(), context.Queue()
        self._process = context.Process(target=http_sink.run, args=(ready, self._report), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{ready.get(timeout=PATIENCE_S)}"

    def seconds(self) -> float:
        return place.processor_seconds(self._process.pid)

    def stop(self) -> tuple[int, int]:
        """Requests and connections that came."""
        self._process.terminate()
        requests, connections = self._report.get(timeout=PATIENCE_S)
        self._process.join(PATIENCE_S)
        return requests, connections


def graph(cell: str, url: str, connector: str) -> dict[str, Any]:
    """A trigger and one request."""
    data: dict[str, Any] = {"method": "POST", "body": {"type": "json", "value": {**BODY, "to": "{{ contact.email }}"}}}
    data |= {"connectorId": connector, "url": "/orders"} if cell == "connector" else {"url": f"{url}/orders"}
    return {
        "trigger": {"type": "event", "event": EVENT},
        "nodes": [{"id": "h", "type": "http_request", "data": data}],
        "edges": [{"source": "trigger", "target": "h"}],
        "goals": [],
        "settings": {},
    }


def measure(cell: str, calls: int) -> Reading:
    """Run one cell. Raises AssertionError when not every call arrived once and is recorded."""
    context = multiprocessing.get_context("spawn")
    sink = Sink(context)
    try:
        reading = (of_httpx if cell == "httpx" else of_engine)(cell, calls, sink, context)
    finally:
        requests, connections = sink.stop()
    warm = WARMING if cell == "httpx" else 0
    assert requests == calls + warm, (requests, calls)
    return Reading(**{**asdict(reading), "connections": connections})


def _reading(calls: int, seconds: float, caller: float, postgres: float, server: float, memory: Any) -> Reading:
    microseconds = 1e6 / calls
    return Reading(
        calls / seconds, caller * microseconds, postgres * microseconds, server * microseconds, *memory, connections=0
    )


# Plain httpx ---------------------------------------------------------------------------------------------------------------

WARMING = 200


def of_httpx(_cell: str, calls: int, sink: Sink, context: Any) -> Reading:
    measured = context.Queue()
    process = context.Process(target=_plain, args=(sink.url, calls, measured), daemon=True)
    server = sink.seconds()
    process.start()
    seconds, caller, memory = measured.get(timeout=PATIENCE_S)
    process.join(PATIENCE_S)
    return _reading(calls, seconds, caller, 0.0, sink.seconds() - server, memory)


def _plain(url: str, calls: int, measured: Any) -> None:
    import httpx

    from app.connectors.limits import usual_limits

    at_a_time = usual_limits("http").max_concurrent
    assert at_a_time

    async def requests(count: int) -> None:
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for number in numbers:
                value = {**BODY, "to": f"u{number}@example.test"}
                answer = await client.post(f"{url}/orders", json=value, headers={"Idempotency-Key": str(ids.uuid7())})
                assert answer.json()["ok"]

        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=at_a_time)) as client:
            await asyncio.gather(*(one_after_the_other() for _ in range(at_a_time)))

    asyncio.run(requests(WARMING))
    began, caller = time.perf_counter(), time.process_time()
    asyncio.run(requests(calls))
    measured.put((time.perf_counter() - began, time.process_time() - caller, place.megabytes()))


# The engine ----------------------------------------------------------------------------------------------------------------


def of_engine(cell: str, calls: int, sink: Sink, context: Any) -> Reading:
    connector = ids.uuid7()
    people = place.fill(graph(cell, sink.url, str(connector)), calls)
    with database.connect("bench", None) as connection:
        connection.execute("truncate calls, connectors cascade")
        if cell == "connector":
            _connect_service(connection, connector, sink.url)
    place.send_events(people)
    ready, go, stop, measured = context.Event(), context.Event(), context.Event(), context.Queue()
    process = context.Process(target=_worker, args=(ready, go, stop, measured), daemon=True)
    process.start()
    try:
        assert ready.wait(PATIENCE_S)
        with database.connect("bench", None) as connection:
            server, began = sink.seconds(), time.perf_counter()
            go.set()
            while not _all_ended(connection, calls, process):
                assert time.perf_counter() - began < PATIENCE_S, connection.execute(_COUNT).fetchone()
                time.sleep(0.1)
            seconds, server = time.perf_counter() - began, sink.seconds() - server
            sessions = connection.execute(_SESSIONS, (connection.info.backend_pid,)).fetchall()
            postgres = sum(place.processor_seconds(pid) for (pid,) in sessions)
        stop.set()
        caller, memory = measured.get(timeout=PATIENCE_S)
        process.join(PATIENCE_S)
    finally:
        process.kill()
    return _reading(calls, seconds, caller, postgres, server, memory)


def _all_ended(connection: Any, calls: int, process: Any) -> bool:
    assert process.is_alive(), "the worker has ended"
    row: Any = connection.execute(_COUNT).fetchone()
    if row[0] < calls:
        return False
    assert row == (calls, calls, 0), row
    return True


def _connect_service(connection: Any, connector: Any, url: str) -> None:
    from app.connectors.senders import seal_password

    settings = {"baseUrl": url, "auth": "bearer", "username": "", "header": "", "testPath": ""}
    secret = seal_password("http", connector, settings, TOKEN)
    connection.execute(
        "insert into connectors (id, tenant_id, type, channel, name, config, secret) values (%s, %s, 'http', 0, 'API', %s, %s)",
        (connector, place.tenant_of(connection), Jsonb(settings), secret),
    )


def _worker(ready: Any, go: Any, stop: Any, measured: Any) -> None:
    """A worker process: its engines, and the pass that makes calls. Doorbells ring inside the process."""
    import app.outside.jobs as performing
    from app.engine.call_pass import CallPass
    from app.engine.threads import EngineThreads
    from app.flow import registry
    from app.inbox import ENGINE
    from app.settings import settings

    assert registry.types() and performing.ACTORS == [], "their modules bring types and performers"
    engines, ended, bell = EngineThreads(settings().engine.threads), threading.Event(), threading.Event()

    def notify(actor: str) -> None:
        if actor == ENGINE:
            bell.set()
        else:
            calls.look_soon()

    def work(engine: Any, woken: threading.Event) -> None:
        while not ended.is_set():
            woken.wait(1.0)
            woken.clear()
            for actor in engine.advance():
                notify(actor)

    with database.connect("calls") as connection:
        calls = CallPass(connection, stop=ended, notify=notify)
        threads = [
            threading.Thread(target=work, args=(one, bell if one.number == 0 else one.wanted)) for one in engines
        ]
        threads.append(threading.Thread(target=lambda: asyncio.run(calls.run())))
        ready.set()
        go.wait(PATIENCE_S)
        caller = time.process_time()
        bell.set()
        for thread in threads:
            thread.start()
        stop.wait(PATIENCE_S)
        measured.put((time.process_time() - caller, place.megabytes()))
        ended.set()
        for thread in threads:
            thread.join(PATIENCE_S)


# What came of it -----------------------------------------------------------------------------------------------------------


def _spread(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


def of_httpx_rate(readings: dict[str, list[Reading]], cell: str) -> list[float]:
    """The rate of a cell over that of httpx, round by round."""
    return [one.rate / plain.rate for one, plain in zip(readings[cell], readings["httpx"], strict=True)]


def result(readings: dict[str, list[Reading]], seconds: float) -> results.CellResult:
    """Gates at the goal; what a call costs as figures."""
    own = [cell for cell in readings if cell != "httpx"]
    columns = ("rate", "caller_us", "postgres_us", "server_us")
    return results.CellResult(
        cell="outside",
        seconds=seconds,
        gates=[results.Gate(what=f"{c} / httpx, by rate", values=of_httpx_rate(readings, c), goal=GOAL) for c in own],
        figures={f"{c}, {name}": [getattr(one, name) for one in readings[c]] for c in readings for name in columns},
        memory={"worker": max(one.peak_mb for cell in own for one in readings[cell])},
    )


def report(readings: dict[str, list[Reading]]) -> None:
    """A line a cell."""
    print(
        f"\n{'cell':10} {'calls/s':24} {'of httpx':20} {'caller us':20} {'postgres us':20} {'server us':18} MB, peak  connections"
    )
    for cell, of_cell in readings.items():
        ratio = _spread(of_httpx_rate(readings, cell), 2) if cell != "httpx" else ""
        caller, postgres, server = (
            _spread([getattr(one, column) for one in of_cell]) for column in ("caller_us", "postgres_us", "server_us")
        )
        memory = f"{max(one.rss_mb for one in of_cell):.0f}, {max(one.peak_mb for one in of_cell):.0f}"
        rate = _spread([one.rate for one in of_cell])
        print(
            f"{cell:10} {rate:24} {ratio:20} {caller:20} {postgres:20} {server:18} {memory}  {of_cell[0].connections}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench outside", description="Measure calls to the outside.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=10_000, help="of a cell")
    parser.add_argument("--code", action="store_true", help="code of steps instead of requests")
    parser.add_argument("--json", type=Path, help="write all readings to this file")
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    began = time.monotonic()
    os.environ["THROUGHLINE_EGRESS_ALLOW"] = "127.0.0.0/8"
    if options.code:
        code_calls.main(options.calls, options.rounds, options.result)
        return
    place.prepare()
    readings: dict[str, list[Reading]] = {cell: [] for cell in CELLS}
    for number in range(options.rounds):
        for cell in random.sample(CELLS, len(CELLS)):
            readings[cell].append(measure(cell, options.calls))
        print(f"round {number + 1} of {options.rounds}", flush=True)
    report(readings)
    print(f"\nload {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    if options.json:
        options.json.write_text(
            json.dumps({cell: [asdict(one) for one in of] for cell, of in readings.items()}, indent=1)
        )
    if options.result:
        results.write(options.result, [result(readings, time.monotonic() - began)])


if __name__ == "__main__":
    main()
