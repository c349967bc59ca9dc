"""Two workspaces whose lists are long against what a page may look at, in a database of their own that is filled once."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.lib.ids import uuid7

ROWS = 6_000
LOOKED_AT, LOOKED_AT_FIRST, FEW = 500, 100, 400
"""What `app.models.bounded_repository` looks at in these tests."""
_UUID7_OF = """
create or replace function uuid7_of(at timestamptz, n bigint) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$
"""
_FILL = """
create temp table made as select g as n, now() - interval '20 days' + g * interval '3 minutes' as at from generate_series(0, {rows} - 1) g;
insert into contacts (tenant_id, id, email, external_id, phone, source, attributes, tags, consent, created_at)
  select {tenant}, uuid7_of(at, n), case when n % 1500 = 7 then null else 'p' || n || '@world.example' end, 'crm-' || n,
    '+4930' || n, (array['web', 'api', 'fax'])[case when n % 2000 = 5 then 3 else 1 + n % 2 end],
    jsonb_build_object('name', 'Person ' || n, 'lastName', case when n = 77 then 'Garcia' else 'Smith' end),
    case when n % 1000 = 3 then array['rare', 'all'] when n % 10 = 0 then array['all', 'tenth'] else array['all'] end,
    case when n % 1200 = 9 then '{{"email": false}}'::jsonb else '{{}}' end, at from made;
insert into contact_tags (tenant_id, tag, created_at, contact_id)
  select tenant_id, unnest(tags), created_at, id from contacts where tenant_id = {tenant};
insert into suppressions (tenant_id, channel, address, reason, at, lifted_at)
  select {tenant}, 1 + (n % 100 = 0)::int, case when n % 2 = 0 then 'p' || n || '@world.example' else 'x' || n || '@elsewhere.example' end,
    case when n % 1000 = 2 then 'complained' else 'bounced' end, at, case when n % 1100 = 4 then at end from made;
insert into ended_runs (tenant_id, id, contact_id, workflow_id, workflow_version, started_at, completed_at, status, seq, current_node_id)
  select {tenant}, uuid7_of(at, 1 + n), case when n % 900 = 8 then null else uuid7_of('2026-01-01', n / 3) end,
    case when n % 3 = 0 then {small} else {flow} end, 1, at, at, case when n % 700 = 6 then 5 when n % 800 = 7 then 7 else 4 end, 5, 'n5'
  from made;
insert into active_runs (tenant_id, id, contact_id, workflow_id, workflow_version, started_at, status, seq, current_node_id, entry_key,
    resume_at)
  select {tenant}, uuid7_of(at, 2 + n), uuid7_of('2026-01-01', 1000000 + n), {flow}, 1, at, case when n % 1300 = 2 then 3 else 1 end, 1,
    case when n % 750 = 1 then 'rare' else 'd1' end, '', case when n % 1300 <> 2 then now() + n * interval '1 second' end from made;
insert into messages (tenant_id, run_id, seq, workflow_id, contact_id, channel, status, created_at, settled_at, reason, recipient, due_at)
  select {tenant}, uuid7_of(at, 1 + n), 4, case when n % 1400 = 3 then {small} else {flow} end, uuid7_of('2026-01-01', n / 3), 1,
    s.status, at, case when s.status > 1 then at end, case when s.status > 2 then 'bounced' end, 'x@world.example',
    case when s.status = 0 then at end
  from made, lateral (select case when n % 600 = 4 then 8 when n % 950 = 5 then 10 when n % 1250 = 6 then 0 else 2 end) as s(status);
insert into events (tenant_id, id, contact_id, name, properties, occurred_at)
  select {tenant}, uuid7_of(at, n), uuid7_of('2026-01-01', n / 3), case when n % 1000 = 8 then 'rare' else 'viewed' end, '{{}}', at
  from made;
insert into entry_refusals (tenant_id, workflow_id, contact_id, reason, at)
  select {tenant}, {flow}, uuid7_of('2026-01-01', n), 'not_met', at from made;
insert into dead_letters (tenant_id, id, name, error) select {tenant}, n, 'viewed', 'Broken' from made;
drop table made;
"""


_MORE_TAGS = """
insert into contact_tags (tenant_id, tag, created_at, contact_id)
  select tenant_id, 'kind-' || k, created_at, id from contacts cross join generate_series(1, 8) k where tenant_id = %s
"""
"""Of the workspace beside, so that how many rows a tag has on average says little of those that are asked for."""


class ListWorld(NamedTuple):
    """Ids of the workspace that lists are read of; `small` is the workflow of the fewer runs. The other one lies beside it."""

    tenant: int
    flow: UUID
    small: UUID
    contact: UUID


def fill(connection: psycopg.Connection[Any]) -> ListWorld:
    """Fill both, and let the planner know. Takes an autocommit connection."""
    connection.execute(_UUID7_OF)
    worlds = []
    for slug in ("lists", "beside"):
        row = connection.execute(
            "insert into workspaces (name, slug) values (%s, %s) returning id", (slug, slug)
        ).fetchone()
        assert row is not None
        flow, small = uuid7(), uuid7()
        for workflow_id in (flow, small):
            connection.execute(
                "insert into workflows (id, tenant_id, name, status, draft, live_version) values (%s, %s, 'Flow', 'active', '{}', 1)",
                (workflow_id, row[0]),
            )
            connection.execute(
                "insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash)"
                """ values (%s, 1, %s, '{"trigger": {"type": "manual"}}', '')""",
                (workflow_id, row[0]),
            )
        connection.execute(_FILL.format(tenant=row[0], rows=ROWS, flow=f"'{flow}'::uuid", small=f"'{small}'::uuid"))
        contact = connection.execute("select uuid7_of('2026-01-01', 100)").fetchone()
        assert contact is not None
        worlds.append(ListWorld(row[0], flow, small, contact[0]))
    connection.execute(_MORE_TAGS, (worlds[1].tenant,))
    connection.execute("vacuum analyze")
    return worlds[0]
