"""`./dev bench ingest`: W3, events over HTTP through the real web process against a bare ASGI app that stores nothing.

    ./dev bench ingest                 bare, single events, those of new people, one client alone, batches of 500; 3 rounds
    ./dev bench ingest --rounds 5 --requests 8000 --json F

Every server is one granian process, asked over 64 kept connections from this process, interleaved in random order. Read the
ratios: machines differ, and so do minutes on one machine. `cpu` is the server's own processor time, which others cannot take.
What is refused with `Retry-After` is sent again after that time, and counted.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.lib import database
from app.lib.ids import uuid7
from app.models.status import Role

CONNECTIONS, BATCH = 64, 500
BATCH_CONNECTIONS, BATCH_EVENTS = 16, 20
"""Who sends batches, and how many events they send for one that comes alone: what waits fits into the queue, and there is an end to
the beginning, when all are read before the first is stored."""
ALONE = 600
"""Requests of one client alone: each waits for its commit."""
GOALS = {"rate": 0.33, "cpu": 0.4, "batch": 40_000, "p99": 10.0}
"""Of a bare server by rate and by web processor time; events a second in batches; milliseconds of one client alone."""
PATH = "/api/v1/events"


@dataclass(frozen=True)
class Cell:
    """`app` is what granian serves, `batch` the events of a request, `clients` how many send at a time; `new`: nobody is known yet;
    `times`: so many times the requests of the others."""

    name: str
    app: str
    batch: int
    clients: int = CONNECTIONS
    new: bool = False
    times: int = 1


CELLS = [
    Cell("bare", "bench.ingest:bare", 1, times=4),  # half a second of work reads 44 to 84 µs
    Cell("single", "app.asgi:app", 1),
    Cell("new", "app.asgi:app", 1, new=True),
    Cell("alone", "app.asgi:app", 1, clients=1),
    Cell("batch", "app.asgi:app", BATCH, clients=BATCH_CONNECTIONS),
]


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The floor: reads JSON, answers 202, stores nothing."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] != "http":
        return
    if body := (await receive())["body"]:
        msgspec.json.decode(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"14")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"accepted":1}'})


def event(number: int, *, new: bool = False) -> dict[str, Any]:
    """One of a thousand people does something, or somebody who never did anything before."""
    return {
        "name": "add_to_cart",
        "externalId": f"new{number}" if new else f"u{number % 1_000}",
        "properties": {"sku": "sku-1", "amount": 12.5, "source": "website_signup", "utm": "x" * 20},
        "id": str(uuid7()),
    }


async def _ask(
    port: int, head: str, bodies: Iterator[bytes], seconds: list[float], status_counts: collections.Counter[str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in bodies:
        again = True
        while again:
            began = time.perf_counter()
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            status_counts[answer[9:12].decode()] += 1
            await reader.readexactly(int(_header(answer, b"content-length")))
            pause = _header(answer, b"retry-after")
            if again := bool(pause):
                await asyncio.sleep(int(pause))
        seconds.append(time.perf_counter() - began)
    writer.close()


def _header(answer: bytes, name: bytes) -> bytes:
    at = answer.find(b"\r\n" + name + b":")
    return b"" if at < 0 else answer[at + len(name) + 3 : answer.find(b"\r\n", at + 2)].strip()


async def load(port: int, key: str, bodies: list[bytes], clients: int = CONNECTIONS) -> tuple[float, list[float], int]:
    """Send all bodies over the connections; the seconds for all, for each, and how often one was refused for a while."""
    head = f"POST {PATH} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    each: list[float] = []
    status_counts: collections.Counter[str] = collections.Counter()
    bodies_left = iter(bodies)
    began = time.perf_counter()
    await asyncio.gather(
        *(_ask(port, head, bodies_left, each, status_counts) for _ in range(min(clients, len(bodies))))
    )
    elapsed_s = time.perf_counter() - began
    assert status_counts["202"] == len(bodies) and set(status_counts) <= {"202", "429", "503"}, status_counts
    return elapsed_s, sorted(each), status_counts["429"] + status_counts["503"]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu(process: int) -> float:
    """Processor seconds of a process and its children."""
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.parent.name) == process or int(fields[1]) == process:
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first answer of a web process. Raises SystemExit when none comes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.sendall(b"GET /health/live HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
                if probe.recv(64):
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


def measure(cell: Cell, key: str, requests: int) -> dict[str, float]:
    """Events a second, p50 and p99 in ms, and the server's processor microseconds an event."""
    with database.connect("bench", None) as connection:
        connection.execute("truncate inbox, events, event_keys, contacts cascade")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port),
         "--no-access-log", "--log-level", "error", cell.app],
        env={**os.environ, "THROUGHLINE_PORT": str(port)},
    )  # fmt: skip
    try:
        wait_until_ready(port, process)
        many = max(40, requests * BATCH_EVENTS // cell.batch)
        count = many if cell.batch > 1 else requests * cell.times if cell.clients > 1 else ALONE
        batches = [[event(n, new=cell.new) for n in range(start, start + cell.batch)] for start in range(count)]
        bodies = [json.dumps(events if cell.batch > 1 else events[0]).encode() for events in batches]
        asyncio.run(
            load(port, key, [json.dumps(event(n)).encode() for n in range(1_000)])
        )  # everybody is known, all is warm
        with database.connect("bench", None) as connection:  # as in any installation that is older than a minute
            connection.execute("analyze contacts, events, event_keys, inbox")
        before = _cpu(process.pid)
        elapsed_s, each, refused = asyncio.run(load(port, key, bodies, cell.clients))
        cpu = _cpu(process.pid) - before
    finally:
        process.terminate()
        process.wait(20)
    stored = len(bodies) * cell.batch
    if cell.app != "bench.ingest:bare":
        with database.connect() as connection:
            stored_row = connection.execute("select count(*) from events where key is not null").fetchone()
            assert stored_row == (stored + 1_000,), (stored_row, stored)
    return {
        "rate": stored / elapsed_s,
        "p50": each[len(each) // 2] * 1e3,
        "p99": each[int(len(each) * 0.99)] * 1e3,
        "us": cpu / stored * 1e6,
        "refused": refused,
    }


async def _key() -> str:
    from app.lib import crypto
    from app.models.api_key import ApiKey
    from app.models.workspace import Workspace

    prefix, secret = "benchmark0", "x" * 43
    async with database.transaction() as session:
        workspace = Workspace(name="Ingest", slug=f"ingest-{uuid7()}")
        session.add(workspace)
        await session.flush()
        fingerprint = crypto.fingerprint(secret)
        session.add(
            ApiKey(tenant_id=workspace.id, name="bench", prefix=prefix, key_hash=fingerprint, role=Role.MARKETER.value)
        )
    await database.dispose()
    return f"tl_{prefix}_{secret}"


def _spread(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench ingest", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], check=True, stdout=subprocess.DEVNULL)
    key = asyncio.run(_key())
    readings: dict[str, list[dict[str, float]]] = {cell.name: [] for cell in CELLS}
    for number in range(options.rounds):
        for cell in random.sample(CELLS, len(CELLS)):
            readings[cell.name].append(measure(cell, key, options.requests))
        print(f"round {number + 1} of {options.rounds}", flush=True)
    for cell in CELLS:
        of_cell = readings[cell.name]
        print(
            f"{cell.name:7} events/s {_spread([one['rate'] for one in of_cell], 0)}  p50 {_spread([one['p50'] for one in of_cell], 1)} ms"
            f"  p99 {_spread([one['p99'] for one in of_cell], 1)} ms  cpu {_spread([one['us'] for one in of_cell], 0)} us/event"
        )
    pairs = list(zip(readings["single"], readings["bare"], strict=True))
    print(
        f"W3 single / bare: {_spread([own['rate'] / base['rate'] for own, base in pairs])} by rate (goal {GOALS['rate']}), "
        f"{_spread([base['us'] / own['us'] for own, base in pairs])} by server cpu (goal {GOALS['cpu']})"
    )
    print(f"batches: {_spread([one['rate'] for one in readings['batch']], 0)} events/s (goal {GOALS['batch']:,})")
    print(f"one client: p99 {_spread([one['p99'] for one in readings['alone']], 1)} ms (goal below {GOALS['p99']:.0f})")
    print(
        f"refused for a while: {sum(int(one['refused']) for of_cell in readings.values() for one in of_cell)} requests"
    )
    if options.json:
        options.json.write_text(json.dumps(readings, indent=2))


if __name__ == "__main__":
    main()
