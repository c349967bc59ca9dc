"""A world that has been in use for months: contacts, runs that ended with their steps and messages, runs that wait for far away days.

Filled by set-based SQL, in the parts of the months that the ids tell, so that millions of rows take minutes. Counters agree with the
rows: `integrity.check` finds nothing. `World().scaled(0.1)` is a tenth of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app import wakes
from app.lib import clock, ids
from app.lib.months import Month, bounds
from app.models.status import Channel, MessageStatus, RunStatus, StepStatus
from app.retention import month_repository
from bench.rig.flows import STEPS, TEMPLATE, W1, W2

EVENT = "world.entered"
"""Starts the workflows of the world. Nobody sends it."""
MONTHS = 6
"""How far the runs that ended go back."""
FAILED_EVERY = 500
"""One run in so many failed at the step that sends."""
_PIECE = 100_000
_UUID7_OF = """
create or replace function pg_temp.uuid7_of(at timestamptz) returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
    || '8' || substr(md5(random()::text), 1, 15))::uuid $$
"""
_CONTACTS = """
insert into contacts (id, tenant_id, email, external_id, source, attributes, tags, created_at, updated_at)
select pg_temp.uuid7_of(at), %(tenant)s, 'p' || g || '@world.example', 'w' || g, (array['website', 'import', 'api'])[1 + g %% 3],
  jsonb_build_object('name', 'Person ' || g, 'city', 'City ' || g %% 100), case when g %% 10 = 0 then array['vip'] else '{}' end, at, at
from generate_series(0, %(contacts)s::int - 1) g, lateral (select %(since)s::timestamptz + g * interval '1 second') as made(at)
"""
_TAGS = (
    "insert into contact_tags (tenant_id, tag, created_at, contact_id)"
    " select tenant_id, unnest(tags), created_at, id from contacts where tenant_id = %(tenant)s and tags <> '{}'"
)
_PEOPLE = (
    "create temp table people as select row_number() over (order by id) - 1 as n, id from contacts where tenant_id = %s"
)
# Neighbours in time are strangers to each other: their contacts lie far apart.
_PERSON = "(select id from people where n = (g * 7919::bigint) %% %(contacts)s::int)"
_WORKFLOW = "(%(workflows)s::uuid[])[1 + g / %(contacts)s::int %% cardinality(%(workflows)s::uuid[])]"
_ENDING = f"""
create temp table ending on commit drop as
select pg_temp.uuid7_of(at) as id, at, {_PERSON} as contact_id,
  (%(workflows)s::uuid[])[1 + g %% cardinality(%(workflows)s::uuid[])] as workflow_id, g %% {FAILED_EVERY} = 0 as failed
from generate_series(%(first)s::int, %(last)s::int) g,
  lateral (select %(since)s::timestamptz + g * (%(until)s::timestamptz - %(since)s::timestamptz) / %(all)s::int) as begun(at)
"""
_ENDED = f"""
insert into ended_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, event_id, occurred_at, started_at,
  completed_at, status, seq, current_node_id, entry_key, attempt, error_message)
select id, contact_id, %(tenant)s, workflow_id, 1, %(payload)s, contact_id, at, at, at,
  case when failed then {RunStatus.FAILED:d} else {RunStatus.COMPLETED:d} end, case when failed then 4 else 5 end,
  case when failed then 'n4' else 'n5' end, '', 1, case when failed then 'No sender is set.' end
from ending order by id
"""
_STEPS = f"""
insert into steps (tenant_id, run_id, seq, node_id, status, port, output, attempt, occurrence, started_at, completed_at, error_message)
select %(tenant)s, e.id, s.seq, s.node_id, case when f.step then {StepStatus.FAILED:d} else {StepStatus.COMPLETED:d} end,
  case when not f.step then s.port end, case when not f.step then s.output end, 1, 1, e.at, e.at,
  case when f.step then 'No sender is set.' end
from ending e cross join
  unnest(%(seqs)s::int[], %(nodes)s::text[], %(ports)s::text[], %(outputs)s::jsonb[]) as s(seq, node_id, port, output)
cross join lateral (select e.failed and s.seq = 4) as f(step) where not e.failed or s.seq <= 4 order by e.id, s.seq
"""
_MESSAGES = f"""
insert into messages (tenant_id, run_id, seq, workflow_id, workflow_version, node_id, contact_id, template_id, channel, status, recipient,
  subject, attempt, created_at, sent_at, settled_at)
select %(tenant)s, id, 4, workflow_id, 1, 'n4', contact_id, '{TEMPLATE}', {Channel.EMAIL:d}, {MessageStatus.SENT:d},
  'someone@world.example', 'Welcome', 1, at, at, at
from ending where not failed order by id
"""
_PARKED = f"""
insert into active_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, event_id, occurred_at, started_at, status,
  seq, current_node_id, entry_key, resume_at, resume_port, step_started_at, attempt)
select id, person, %(tenant)s, {_WORKFLOW}, 1, %(payload)s, person, at, at, {RunStatus.WAITING:d}, 0, 'd1', '',
  %(now)s::timestamptz + interval '30 days' + g * interval '1 second', 'next', at, 1
from generate_series(%(first)s::int, %(last)s::int) g,
  lateral (select %(now)s::timestamptz - interval '20 days' + g * (interval '19 days' / %(all)s::int)) as begun(at),
  lateral (select pg_temp.uuid7_of(at) as id, {_PERSON} as person) as made
"""
_STATS = """
insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
select %(tenant)s, workflow_id, 1, node_id, key, 0, n from (
  select workflow_id, v.node_id, v.key, sum(v.n)::bigint from ({source}) as counted, lateral (values {values}) as v(node_id, key, n)
  group by 1, 2, 3) as summed(workflow_id, node_id, key, n) where n > 0
"""
_OF_ENDED = _STATS.format(
    source="select workflow_id, count(*) as runs, count(*) filter (where status = 5) as failed from ended_runs"
    " where tenant_id = %(tenant)s and workflow_id = any(%(workflows)s) group by 1",
    values="('', 'entered', runs), ('', 'completed', runs - failed), ('', 'failed', failed), ('n1', 'true', runs), ('n2', 'next', runs),"
    " ('n3', 'next', runs), ('n4', 'next', runs - failed), ('n4', 'failed', failed), ('n4', 'message.sent', runs - failed),"
    " ('n5', 'next', runs - failed)",
)
_OF_PARKED = _STATS.format(
    source="select workflow_id, count(*) as runs from active_runs"
    " where tenant_id = %(tenant)s and workflow_id = any(%(workflows)s) group by 1",
    values="('', 'entered', runs), ('d1', 'waiting', runs)",
)


@dataclasses.dataclass(frozen=True)
class World:
    """How much there is of everything, in one workspace. A contact waits once at most in each of the workflows that wait."""

    contacts: int = 200_000
    finished: int = 1_000_000
    parked: int = 1_000_000
    workflows: int = 20
    """Half of them are those that runs went through, the other half those in which runs wait."""

    def scaled(self, factor: float) -> World:
        """The same in small, or in large, with as many workflows."""
        contacts, finished, parked = (max(1, round(n * factor)) for n in (self.contacts, self.finished, self.parked))
        return dataclasses.replace(self, contacts=contacts, finished=finished, parked=parked)


def fill(connection: psycopg.Connection[Any], tenant_id: int, world: World) -> None:
    """Fill the workspace. Takes an autocommit connection without a statement time-out, to a database whose big tables are empty."""
    if world.parked > world.contacts * (world.workflows // 2):
        raise ValueError("more runs wait than there are contacts for in the workflows that wait")
    _cut_past_months(connection)
    connection.execute("set synchronous_commit = off")
    connection.execute(_UUID7_OF)
    now = clock.now()
    since = _first_instant(_past_months()[0])
    place = {
        "tenant": tenant_id,
        "contacts": world.contacts,
        "since": since,
        "until": now,
        "now": now,
        "payload": Jsonb({"page": "/"}),
    }
    connection.execute(_CONTACTS, place)
    connection.execute(_TAGS, place)
    connection.execute(_PEOPLE, (tenant_id,))
    connection.execute("create unique index on people (n)")
    connection.execute("analyze people, contacts")
    ending, waiting = _workflows(connection, tenant_id, W1, world), _workflows(connection, tenant_id, W2, world)
    steps = {
        "seqs": list(range(1, len(STEPS) + 1)), "nodes": [node for node, _, _ in STEPS], "ports": [port for _, port, _ in STEPS],
        "outputs": [json.dumps(output) if output is not None else None for *_, output in STEPS],
    }  # fmt: skip
    for piece in _pieces(world.finished):
        with connection.transaction():
            connection.execute(_ENDING, {**place, **piece, "workflows": ending})
            connection.execute(_ENDED, place)
            connection.execute(_STEPS, {**place, **steps})
            connection.execute(_MESSAGES, place)
    for piece in _pieces(world.parked):
        connection.execute(_PARKED, {**place, **piece, "workflows": waiting})
    connection.execute(_OF_ENDED, {"tenant": tenant_id, "workflows": ending})
    connection.execute(_OF_PARKED, {"tenant": tenant_id, "workflows": waiting})
    wakes.sweep(connection)
    connection.execute("drop table people")
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")
    connection.execute("reset synchronous_commit")


def _pieces(count: int) -> Iterator[dict[str, int]]:
    for first in range(0, count, _PIECE):
        yield {"first": first, "last": min(first + _PIECE, count) - 1, "all": count}


def _workflows(connection: psycopg.Connection[Any], tenant_id: int, graph: dict[str, Any], world: World) -> list[UUID]:
    """Active workflows of this graph that nothing starts."""
    document = Jsonb({**graph, "trigger": {**graph["trigger"], "event": EVENT}})
    workflow_ids = [UUID(bytes=raw) for raw in ids.uuid7_many(max(1, world.workflows // 2))]
    for number, workflow_id in enumerate(workflow_ids):
        connection.execute(
            "insert into workflows (id, tenant_id, name, status, live_version, draft) values (%s, %s, %s, 'active', 1, %s)",
            (workflow_id, tenant_id, f"World {number}", document),
        )
        connection.execute(
            "insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%s, 1, %s, %s, '')",
            (workflow_id, tenant_id, document),
        )
    return workflow_ids


def _past_months() -> list[Month]:
    this_month = Month.of(clock.now())
    return [this_month.later(-number) for number in range(MONTHS, -1, -1)]


def _first_instant(month: Month) -> str:
    return f"{month.year:04d}-{month.month:02d}-01T00:00:00Z"


def _cut_past_months(connection: psycopg.Connection[Any]) -> None:
    """A new database has one part for all that lies before next month. In its place come months, as after half a year."""
    for table, storage in month_repository.TABLES.items():
        if connection.execute(f"select to_regclass('{table}_before')").fetchone() == (None,):
            continue
        if connection.execute(f"select exists (select from {table}_before)").fetchone() == (True,):
            raise ValueError(f"{table} has rows already")
        connection.execute(f"drop table {table}_before")
        for month in _past_months():
            first, end = bounds(month)
            connection.execute(
                f"create table {table}_{month.suffix} partition of {table} for values from ('{first}') to ('{end}') {storage}"
            )
