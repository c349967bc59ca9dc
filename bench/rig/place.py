"""The databases of a benchmark, each migrated once: one that is emptied and filled before each cell, and a full world that stays."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app import wakes
from app.lib import clock, database, ids
from app.retention import months
from app.settings import settings
from bench.rig import world
from bench.rig.flows import EVENT

WORKFLOW = UUID("01900000-0000-7000-8000-000000000001")
PAYLOAD = {"channel": "signup", "page": "/pricing"}
EMPTY = """
truncate active_runs, wakes, ended_runs, steps, step_attempts, messages, message_reports, sub_runs, outbound_calls, run_logs,
  entry_refusals, inbox, dead_letters, node_stats, events, event_keys, contacts, contact_tags, entries,
  workflows cascade
"""
WORKFLOW_ROW = """
insert into workflows (id, tenant_id, name, status, live_version, draft) values (%(id)s, %(tenant)s, 'W', 'active', 1, %(graph)s)
on conflict (tenant_id, id) do update set draft = excluded.draft
"""
# In the product a version never changes, and workers do not look twice: each cell has workers of its own.
VERSION_ROW = """
insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%(id)s, 1, %(tenant)s, %(graph)s, '')
on conflict (tenant_id, workflow_id, version) do update set graph = excluded.graph
"""
_FULL = "world"
"""Name of the database with the full world."""


def prepare() -> None:
    """Bring the tables to the newest version and make the months of today."""
    subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], check=True, stdout=subprocess.DEVNULL)
    with _connect() as connection:
        months.ensure_months(connection)
        connection.execute("insert into workspaces (name, slug) values ('Bench', 'bench') on conflict do nothing")


def prepare_world(size: world.World) -> None:
    """Make a full world beside the empty one, in a database of its own. Takes minutes."""
    with psycopg.connect(database.dsn(), dbname="postgres", autocommit=True) as server:
        server.execute(f"create database {_FULL} template {_name()}")
    empty = _name()
    use(full=True)
    with _connect() as connection:
        world.fill(connection, tenant_of(connection), size)
    use(full=False)
    assert _name() == empty


def _name() -> str:
    return urlsplit(settings().database.url).path.removeprefix("/")


def use(*, full: bool) -> None:
    """From now on this process, and those that it starts, work in the full world, or in the empty one."""
    base = os.environ.setdefault("BENCH_DATABASE_URL", settings().database.url)
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(base)._replace(path=f"/{_FULL}")) if full else base
    settings.cache_clear()


def _connect() -> psycopg.Connection[Any]:
    return database.connect("bench", None, limits={"statement_timeout": 0})


def among_others(graph: dict[str, Any], contacts: int) -> list[UUID]:
    """In the full world: one more active workflow, the same in each cell, and `contacts` of its people in random order."""
    with _connect() as connection:
        tenant = tenant_of(connection)
        arguments = {"id": WORKFLOW, "tenant": tenant, "graph": Jsonb(graph)}
        connection.execute("truncate inbox")
        connection.execute("delete from active_runs where tenant_id = %(tenant)s and workflow_id = %(id)s", arguments)
        connection.execute(WORKFLOW_ROW, arguments)
        connection.execute(VERSION_ROW, arguments)
        people = connection.execute(
            "select id from contacts where tenant_id = %s and source = 'website' order by random() limit %s",
            (tenant, contacts),
        ).fetchall()
        assert len(people) == contacts, "the world is too small for this cell"
        return [person for (person,) in people]


def fill(graph: dict[str, Any], contacts: int) -> list[UUID]:
    """Empty tables, `contacts` people and one active workflow; answers the people in random order."""
    people = [UUID(bytes=raw) for raw in ids.uuid7_many(contacts)]
    with _connect() as connection:
        connection.execute(EMPTY)
        tenant = tenant_of(connection)
        with connection.cursor().copy("copy contacts (id, tenant_id, email, source, attributes) from stdin") as copying:
            for number, person in enumerate(people):
                name = json.dumps({"name": f"Person {number}"})
                copying.write_row((person, tenant, f"u{number}@example.test", "website", name))
        arguments = {"id": WORKFLOW, "tenant": tenant, "graph": Jsonb(graph)}
        connection.execute(WORKFLOW_ROW, arguments)
        connection.execute(VERSION_ROW, arguments)
        connection.execute("vacuum analyze contacts")
    random.shuffle(people)
    return people


def tenant_of(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select id from workspaces where slug = 'bench'").fetchone()
    assert row is not None
    return int(row[0])


def send_events(people: list[UUID]) -> None:
    """One event for each of them into the inbox: the start of W1."""
    payload, now = json.dumps(PAYLOAD), clock.now().isoformat()
    with _connect() as connection:
        tenant = tenant_of(connection)
        copy = "copy inbox (tenant_id, name, contact_id, event_id, payload, occurred_at) from stdin"
        with connection.cursor().copy(copy) as copying:
            for person in people:
                copying.write_row((tenant, EVENT, person, person, payload, now))
        _settle(connection)


def park_runs(people: list[UUID]) -> None:
    """One run for each of them that stands at the delay and is due: the start of W2."""
    with _connect() as connection:
        tenant = tenant_of(connection)
        connection.execute(
            "insert into active_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, status, seq,"
            " current_node_id, resume_at, resume_port, step_started_at)"
            " select run, person, %s, %s, 1, %s, now() - interval '1 day', 1, 0,"
            " 'd1', now(), 'next', now() - interval '1 day'"
            " from unnest(%s::uuid[], %s::uuid[]) as parked(run, person)",
            (tenant, WORKFLOW, Jsonb(PAYLOAD), [UUID(bytes=raw) for raw in ids.uuid7_many(len(people))], people),
        )
        for node_id, key in (("d1", "waiting"), ("", "entered")):
            connection.execute(
                "insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n) values (%s, %s, 1, %s, %s, 0, %s)",
                (tenant, WORKFLOW, node_id, key, len(people)),
            )
        wakes.sweep(connection)
        _settle(connection)


def _settle(connection: psycopg.Connection[Any]) -> None:
    connection.execute("vacuum analyze inbox, active_runs, contacts")
    connection.execute("checkpoint")


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far; 0 where /proc does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes() -> tuple[float, float]:
    """Memory of this process: what it has now, and the most it ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux: the peak is all that is known
        return peak, peak
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576, peak
