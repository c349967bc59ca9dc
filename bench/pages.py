"""`./dev bench pages`: pages and API of a workspace that has been in use for months, each list with and without anything that fits.

    ./dev bench pages                  a tenth of the world: 100,000 contacts, 240,000 runs
    ./dev bench pages --scale 1        1,000,000 contacts, 2,400,000 runs; the fill takes minutes and 7 GB
    ./dev bench pages --rounds 30      more requests of each

The requests go to one real web process, one after the other; nothing else runs. A page is held to 150 ms at p95.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg

from app.accounts import sessions
from app.accounts.authentication import cookie_name
from app.lib import clock, crypto, database
from app.lib.ids import uuid7
from bench.ingest import free_port, wait_until_ready
from bench.rig import place, results, world

P95_MS = 150.0
_EVENTS = """
insert into events (id, tenant_id, contact_id, name, properties, occurred_at)
select (lpad(to_hex((extract(epoch from c.created_at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
  || '8' || substr(md5(random()::text), 1, 15))::uuid, c.tenant_id, c.id, 'page.viewed', '{}', c.created_at
from contacts c where c.tenant_id = %(tenant)s;
"""
_SUPPRESSED = """
insert into suppressions (tenant_id, channel, address, reason, at)
select tenant_id, 1, email, 'unsubscribed', created_at from contacts where tenant_id = %(tenant)s and right(external_id, 1) = '3'
on conflict do nothing
"""
_DUE = """
update active_runs set resume_at = now() + random() * interval '50 minutes'
where tenant_id = %(tenant)s and id in (select id from active_runs where tenant_id = %(tenant)s order by id limit %(some)s)
"""


def lists(flow: UUID, waiting: UUID, contact: UUID) -> dict[str, str]:
    """The address of each page and list. `flow`: runs of it ended; `waiting`: they wait in it."""
    api = "/api/v1"
    return {
        "home": "/",
        "workflows": "/workflows",
        "contacts": "/contacts",
        "contacts, search": "/contacts?search=world",
        "contacts, search, one": "/contacts?search=p77123@world",
        "contacts, search, nobody": "/contacts?search=garcia",
        "contacts, two letters, nobody": "/contacts?search=qx",
        "contacts, tag": "/contacts?tag=vip",
        "contacts, tag, nobody": "/contacts?tag=none",
        "contacts, unsubscribed": "/contacts?permission=unsubscribed",
        "contacts, opted out, nobody": "/contacts?permission=no_consent",
        "contact": f"/contacts/{contact}",
        "runs": "/runs",
        "runs, running": "/runs?status=running",
        "runs, goal, none": "/runs?status=goal_reached",
        "runs of a workflow": f"/workflows/{flow}/runs",
        "runs of a workflow, failed": f"/workflows/{flow}/runs?status=failed",
        "runs of a workflow, waiting, none": f"/workflows/{flow}/runs?status=waiting",
        "runs of a workflow at a step, none": f"/workflows/{waiting}/runs?node=none",
        "results": f"/workflows/{flow}/stats",
        "messages": "/messages",
        "messages, failed, none": "/messages?status=failed",
        "messages, suppressed, none": "/messages?status=suppressed",
        "messages of a workflow, none": f"/messages?workflow={waiting}",
        "suppressions": "/suppressions",
        "suppressions, bounced, none": "/suppressions?reason=bounced",
        "GET contacts": f"{api}/contacts",
        "GET contacts, source, none": f"{api}/contacts?source=fax",
        "GET contacts, tags, none": f"{api}/contacts?tag=vip&tag=none",
        "GET runs": f"{api}/runs",
        "GET runs, of a contact": f"{api}/runs?contactId={contact}",
        "GET runs, dates, none": f"{api}/runs?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z",
        "GET runs of a workflow, goal, none": f"{api}/workflows/{flow}/runs?status=goal_reached",
        "GET events": f"{api}/events",
        "GET events, name, none": f"{api}/events?name=rare",
        "GET messages, failed, none": f"{api}/messages?status=failed",
        "GET troubles": f"{api}/troubles",
    }


def _fill(scale: float) -> tuple[str, str, dict[str, str]]:
    """A key and a session for the world, which is filled, and the addresses."""
    place.prepare()
    size = world.World(contacts=1_000_000, finished=1_400_000, parked=1_000_000).scaled(scale)
    place.prepare_world(size)
    place.use(full=True)
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        tenant = place.tenant_of(connection)
        for sql in (_EVENTS, _SUPPRESSED, _DUE):
            connection.execute(sql, {"tenant": tenant, "some": size.parked // 5})
        connection.execute("vacuum analyze")
        flow, waiting, contact = (
            _one(connection, sql, tenant)
            for sql in (
                "select workflow_id from node_stats where tenant_id = %s and key = 'completed' limit 1",
                "select workflow_id from node_stats where tenant_id = %s and key = 'waiting' limit 1",
                "select contact_id from ended_runs where tenant_id = %s order by id limit 1",
            )
        )
        key, token = _sign_in(connection, tenant)
    return key, token, lists(flow, waiting, contact)


def _sign_in(connection: psycopg.Connection[Any], tenant: int) -> tuple[str, str]:
    """A key for programs and the token of a session, of one who may see all."""
    prefix, secret, token, user = secrets.token_hex(5), secrets.token_urlsafe(32), secrets.token_urlsafe(32), uuid7()
    connection.execute("insert into users (id, email) values (%s, 'bench@example.com')", (user,))
    connection.execute("insert into memberships (tenant_id, user_id, role) values (%s, %s, 'owner')", (tenant, user))
    connection.execute(
        "insert into api_keys (id, tenant_id, name, prefix, key_hash, role) values (%s, %s, 'bench', %s, %s, 'owner')",
        (uuid7(), tenant, prefix, crypto.fingerprint(secret)),
    )
    now = clock.now()
    connection.execute(
        "insert into sessions (id, token_hash, user_id, tenant_id, created_at, seen_at, expires_at, lasting)"
        " values (%s, %s, %s, %s, %s, %s, %s, true)",
        (uuid7(), crypto.fingerprint(token), user, tenant, now, now, sessions.end_of(now, now, lasting=True)),
    )
    return f"tl_{prefix}_{secret}", token


def _one(connection: psycopg.Connection[Any], sql: str, tenant: int) -> UUID:
    row = connection.execute(sql, (tenant,)).fetchone()
    assert row is not None
    return UUID(str(row[0]))


async def _measure(
    ask: Callable[[str], Awaitable[httpx.Response]], addresses: dict[str, str], rounds: int
) -> dict[str, float]:
    """Print a line for each; answers their 95th percentiles in milliseconds."""
    slowest = dict[str, float]()
    print(f"{'':44} {'p50 ms':>8} {'p95 ms':>8} {'kB':>6}")
    for name, address in addresses.items():
        times = []
        for _ in range(rounds + 1):
            began = time.perf_counter()
            response = await ask(address)
            times.append((time.perf_counter() - began) * 1000)
            assert response.status_code == 200, (address, response.status_code, response.text[:300])
        times = sorted(times[1:])  # the first one prepares statements and templates
        p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
        print(f"{name:44} {statistics.median(times):8.1f} {p95:8.1f} {len(response.content) / 1024:6.1f}", flush=True)
        slowest[name] = p95
    return slowest


async def _ask_all(port: int, key: str, token: str, addresses: dict[str, str], rounds: int) -> dict[str, float]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=60, cookies={cookie_name(): token}
    ) as client:

        async def ask(address: str) -> httpx.Response:
            return await client.get(address, headers=headers if address.startswith("/api/") else {})

        return await _measure(ask, addresses, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench pages", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    started = time.monotonic()
    key, token, addresses = _fill(options.scale)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port),
         "--no-access-log", "--log-level", "error", "app.asgi:app"],
        env={**os.environ, "THROUGHLINE_PORT": str(port)},
    )  # fmt: skip
    try:
        wait_until_ready(port, process)
        times = asyncio.run(_ask_all(port, key, token, addresses, options.rounds))
    finally:
        process.terminate()
        process.wait()
    if options.result:
        gate = results.Gate(
            what="the slowest list, p95", values=[max(times.values())], goal=P95_MS, unit="ms", at_most=True
        )
        figures = {f"{name}, p95 ms": [ms] for name, ms in times.items()}
        seconds = time.monotonic() - started
        results.write(
            options.result, [results.CellResult(cell="pages", seconds=seconds, gates=[gate], figures=figures)]
        )
    slow = [f"{name}: {ms:.0f} ms" for name, ms in times.items() if ms > P95_MS]
    if slow and not options.result:
        raise SystemExit("Slower than they may be at p95: " + "; ".join(slow))
    print(f"{len(addresses) - len(slow)} of {len(addresses)} answer within {P95_MS:.0f} ms at p95.")


if __name__ == "__main__":
    main()
