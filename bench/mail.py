"""`./dev bench mail`: queued mails through the real delivery to a mail server on this machine that takes everything at once.

    ./dev bench mail                     2 workers, 3,000 mails a cell, 3 rounds
    ./dev bench mail --rounds 1 --mails 1000 --workers 1 --json F

Cells: `text` is a template of 4 KB HTML with a text part and a filter, `html` one without text, so that the text is made of the HTML,
`mailbox` the same as `text` to the mailbox inside the product in place of the sink. Rates go by the clock of a shared machine; the
processor time of a mail is that of the workers, of their database sessions, and of the server that takes it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.lib import database, ids
from bench.rig import mail_sink, place, results

GOAL = 400
"""Mails a second with two workers."""
PATIENCE_S = 120
WARM_S, WARMING = 0.3, 100
"""Each worker sends for a moment before it is measured: modules are imported and statements planned by then. Mails for that, at most."""
PASSWORD = "b" * 32
_CELLS = ("text", "html", "mailbox")
_COLUMNS = (
    ("us a mail of the workers", "worker_us"),
    ("us of PostgreSQL", "postgres_us"),
    ("us of the server", "server_us"),
)
_PARAGRAPH = (
    '<p style="margin:0 0 16px;font:400 16px/1.6 Arial,sans-serif;color:#333">News from the shop, and '
    '<a href="https://shop.example.com/offers?from=mail" style="color:#0a58ca">an offer</a> for a week.</p>\n'
)
SUBJECT = "Hello {{ contact.first_name | default: 'there' }}"
HTML = (
    '<!doctype html>\n<html><body style="margin:0;background:#fff">\n<h1>' + SUBJECT + "</h1>\n" + _PARAGRAPH * 18
    + '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>\n'
)  # fmt: skip
TEXT = SUBJECT + "\n\n" + "News from the shop, and an offer for a week: https://shop.example.com/offers\n\n" * 18
_FILL = """
with people as (
  insert into contacts (id, tenant_id, email, attributes)
  select p.id, %(tenant)s, 'u-' || p.id || '@example.test', jsonb_build_object('first_name', 'Person ' || n)
  from unnest(%(people)s::uuid[]) with ordinality as p(id, n)),
walks as (
  insert into ended_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, status, seq)
  select r.run, r.person, %(tenant)s, %(workflow)s, 1, %(event)s, clock_now(), 4, 3
  from unnest(%(runs)s::uuid[], %(people)s::uuid[]) as r(run, person)),
counted as (
  insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
  values (%(tenant)s, %(workflow)s, 1, 'n4', 'message.queued', %(shard)s, %(count)s)
  on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, due_at, created_at,
  workflow_version, node_id)
select r.run, 2, %(tenant)s, %(workflow)s, r.person, %(template)s, 1, 0, clock_now(), clock_now() + n * interval '1 microsecond', 1, 'n4'
from unnest(%(runs)s::uuid[], %(people)s::uuid[]) with ordinality as r(run, person, n)
"""


@dataclass(frozen=True)
class Reading:
    """Mails a second, and processor microseconds a mail of the workers, their database sessions and the server; MB of one worker."""

    rate: float
    worker_us: float
    postgres_us: float
    server_us: float
    rss_mb: float
    peak_mb: float
    connections: int


def fill(cell: str, mails: int, port: int) -> None:
    """Empty tables, one connector, a template, and so many queued mails to contacts of their own."""
    place.fill({"trigger": {"type": "event", "event": "x"}, "nodes": [], "edges": []}, 0)
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        tenant = place.tenant_of(connection)
        connection.execute("truncate connectors, templates, mailbox_messages, mail_counts cascade")
        template = equip(connection, tenant, cell, port)
        queue(connection, tenant, place.WORKFLOW, template, mails)
        connection.execute("analyze")
        connection.execute("checkpoint")


def equip(connection: psycopg.Connection[Any], tenant: int, cell: str, port: int) -> UUID:
    """A connector to the server at `port`, and a template; answers its id."""
    template, connector = ids.uuid7(), ids.uuid7()
    config: dict[str, Any] = {"security": "none", "fromEmail": "shop@example.com", "fromName": "The Shop"}
    if cell == "mailbox":
        config |= {"local": True, "username": f"workspace-{tenant}"}
    else:
        config |= {"host": "127.0.0.1", "port": port, "username": ""}
    connection.execute(
        "insert into connectors (id, tenant_id, type, name, config, is_default) values (%s, %s, 'smtp', 'sink', %s, true)",
        (connector, tenant, Jsonb(config)),
    )
    connection.execute(
        "insert into templates (id, tenant_id, name, subject, html, text) values (%s, %s, 't', %s, %s, %s)",
        (template, tenant, SUBJECT, HTML, "" if cell == "html" else TEXT),
    )
    return template


def queue(
    connection: psycopg.Connection[Any], tenant: int, workflow: UUID, template: UUID, mails: int, shard: int = 0
) -> list[UUID]:
    """So many mails that are due, each of an ended run of a new contact; answers the runs. `shard` is that of their counter."""
    people, runs = (list(map(_uuid, ids.uuid7_many(mails))) for _ in range(2))
    connection.execute(
        _FILL,
        {"tenant": tenant, "workflow": workflow, "people": people, "runs": runs, "count": mails, "template": template,
         "event": Jsonb(place.PAYLOAD), "shard": shard},
    )  # fmt: skip
    return runs


def _uuid(raw: bytes) -> UUID:
    return UUID(bytes=raw)


def measure(cell: str, mails: int, workers: int) -> Reading:
    """Run one cell. Raises AssertionError when not every mail arrived exactly once."""
    context = multiprocessing.get_context("spawn")
    server = Mailbox() if cell == "mailbox" else Sink(context)
    os.environ |= _mailbox_environment(server.port)  # which the workers inherit
    try:
        total = mails + WARMING * workers
        fill(cell, total, server.port)
        ready, go, measured = context.Barrier(workers + 1), context.Event(), context.Queue()
        processes = [context.Process(target=_work, args=(ready, go, measured)) for _ in range(workers)]
        for process in processes:
            process.start()
        ready.wait(PATIENCE_S)
        sent, server_s = _sent(), server.seconds()
        began = time.time()
        go.set()
        results = [measured.get(timeout=PATIENCE_S) for _ in processes]
        server_s = server.seconds() - server_s
        for process in processes:
            process.join(PATIENCE_S)
        count = total - sent
        assert _sent() == total, (_sent(), total)
        server.check(total)
    finally:
        connections = server.stop()
    last, python, postgres = max(r[0] for r in results), sum(r[1] for r in results), sum(r[2] for r in results)
    microseconds = 1e6 / count
    rss, peak = max(r[3] for r in results), max(r[4] for r in results)
    return Reading(
        count / (last - began), python * microseconds, postgres * microseconds, server_s * microseconds, rss, peak, connections
    )  # fmt: skip


def _sent() -> int:
    with database.connect("bench", None) as connection:
        row = connection.execute("select count(*) from messages where status = 2").fetchone()
    assert row is not None
    return int(row[0])


def _work(ready: Any, go: Any, measured: Any) -> None:
    """One worker: a short pass to be warm, then passes until nothing is due."""
    from app.messaging.deliver import Delivery, connect

    with connect() as connection:
        asyncio.run(Delivery(connection).run(WARM_S))
        ready.wait(PATIENCE_S)
        go.wait(PATIENCE_S)
        python, pid = time.process_time(), connection.info.backend_pid
        postgres = place.processor_seconds(pid)
        while asyncio.run(Delivery(connection).run(PATIENCE_S)):
            pass
        python = time.process_time() - python
        measured.put((time.time(), python, place.processor_seconds(pid) - postgres, *place.megabytes()))


def _mailbox_environment(port: int) -> dict[str, str]:
    return {
        "THROUGHLINE_LOCAL": "1",
        "THROUGHLINE_MAILBOX_PORT": str(port),
        "THROUGHLINE_MAILBOX_PASSWORD": PASSWORD,
    }


class Sink:
    """`mail_sink` in a process."""

    def __init__(self, context: Any) -> None:
        ready, self._report = context.Queue(), context.Queue()
        self._process = context.Process(target=mail_sink.run, args=(ready, self._report))
        self._process.start()
        self.port = int(ready.get(timeout=PATIENCE_S))
        self._connections = 0

    def seconds(self) -> float:
        return place.processor_seconds(self._process.pid)

    def check(self, mails: int) -> None:
        self._process.terminate()
        taken, different, self._connections, _, _ = self._report.get(timeout=PATIENCE_S)
        assert (taken, different) == (mails, mails), (taken, different, mails)

    def stop(self) -> int:
        if self._process.is_alive():
            self._process.terminate()
        self._process.join(PATIENCE_S)
        return self._connections


class Mailbox:
    """The mailbox inside the product, in a process."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        environment = {**os.environ, **_mailbox_environment(self.port)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.local.mailbox"], env=environment, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the mailbox did not start")

    def seconds(self) -> float:
        return place.processor_seconds(self._process.pid)

    def check(self, mails: int) -> None:
        with database.connect("bench", None) as connection:
            row = connection.execute("select count(*), count(distinct message_id) from mailbox_messages").fetchone()
        assert row == (mails, mails), (row, mails)

    def stop(self) -> int:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        return 0


def _spread(values: list[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


def result(readings: dict[str, list[Reading]], workers: int, seconds: float) -> results.CellResult:
    """A gate for each cell that sends to the sink; the mailbox is a tool for developers, and is told beside it."""
    gates = [
        results.Gate(what=f"{cell}, {workers} workers", values=[one.rate for one in of_cell], goal=GOAL, unit="mails/s")
        for cell, of_cell in readings.items()
        if cell != "mailbox"
    ]
    figures = {
        f"{cell}, {name}": [getattr(one, column) for one in of_cell]
        for cell, of_cell in readings.items()
        for name, column in _COLUMNS
    }  # fmt: skip
    if "mailbox" in readings:
        figures["mailbox, mails/s"] = [one.rate for one in readings["mailbox"]]
    memory = {"worker": max(one.peak_mb for of_cell in readings.values() for one in of_cell)}
    return results.CellResult(cell="mail", seconds=seconds, gates=gates, figures=figures, memory=memory)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench mail", description="Measure the delivery of mail.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=3_000, help="of a cell")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cells", nargs="+", choices=_CELLS, default=list(_CELLS))
    parser.add_argument("--json", type=Path, help="write all readings to this file")
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    began = time.monotonic()
    place.prepare()
    readings: dict[str, list[Reading]] = {cell: [] for cell in options.cells}
    for number in range(options.rounds):
        for cell in random.sample(options.cells, len(options.cells)):
            readings[cell].append(measure(cell, options.mails, options.workers))
        print(f"round {number + 1} of {options.rounds}", flush=True)
    print(
        f"\n{'cell':9} {'mails/s':24} {'worker us/mail':24} {'postgres us':24} {'server us':24} MB, peak  connections"
    )
    for cell, of_cell in readings.items():
        columns = ("rate", "worker_us", "postgres_us", "server_us")
        spreads = " ".join(f"{_spread([getattr(one, column) for one in of_cell]):24}" for column in columns)
        memory = f"{max(one.rss_mb for one in of_cell):.0f}, {max(one.peak_mb for one in of_cell):.0f}"
        print(f"{cell:9} {spreads} {memory}  {max(one.connections for one in of_cell)}")
    for cell, of_cell in readings.items():
        rate = statistics.median(one.rate for one in of_cell)
        verdict = "reached" if rate >= GOAL else "MISSED"
        print(f"{cell:9} {rate:,.0f} mails/s with {options.workers} workers, goal {GOAL}: {verdict}")
    print(f"\nload {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    if options.json:
        rows = {cell: [asdict(one) for one in of_cell] for cell, of_cell in readings.items()}
        options.json.write_text(json.dumps(rows, indent=1))
    if options.result:
        results.write(options.result, [result(readings, options.workers, time.monotonic() - began)])


if __name__ == "__main__":
    main()
