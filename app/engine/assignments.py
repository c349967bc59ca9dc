"""The variant that a step gave a contact: read with the contacts of a batch, written and counted with what its runs did.

Only batches of versions that ask (`scope.assigned`) pay for it: one query to read, one statement to write. The contacts are locked, so
nobody else gives them another one meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.counters.recount_repository import sums_of_variants
from app.counters.variant_counter_repository import counting
from app.counters.variant_counters import CONTACTS, CONVERTED
from app.engine import rows
from app.engine.claim import RUN_IS_ASKED, Cursor, Place, of_contacts
from app.engine.compiled import CompiledFlow
from app.engine.paths import SharedPath
from app.engine.rows import Int4s, Texts, Uuids
from app.engine.walk import GOAL_REACHED, Batch

_ASSIGNED = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), r.node_id, r.variant from split_exposures r
where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s)
"""
_CHANGES = f"select tenant_id, workflow_id, version, node_id, '{CONTACTS}' || variant as key, 1 as n from drawn"
# One is there already when its variant was taken out of the workflow since: then the contact has a new one, and what it did with the
# old one stays in the results of that: among the sums of rows that are away.
_ASSIGN = f"""
with drawn as (
  select * from unnest(%(tenants)s::int[], %(contacts)s::uuid[], %(workflows)s::uuid[], %(nodes)s::text[], %(variants)s::text[],
    %(runs)s::uuid[], %(versions)s::int[]) as u(tenant_id, contact_id, workflow_id, node_id, variant, run_id, version)),
replaced as (
  select e.tenant_id, e.workflow_id, e.version, e.node_id, e.variant, e.converted_at
  from drawn d join split_exposures e using (tenant_id, contact_id, workflow_id, node_id)),
retired as (
  insert into retired_stats (tenant_id, workflow_id, version, node_id, key, n)
  select * from ({sums_of_variants("replaced")}) as sums order by workflow_id, version, node_id collate "C", key collate "C"
  on conflict (tenant_id, workflow_id, version, node_id, key, month) do update set n = retired_stats.n + excluded.n),
assigned as (
  insert into split_exposures (tenant_id, contact_id, workflow_id, node_id, variant, run_id, version, assigned_at)
  select d.*, (select clock_now()) from drawn d
  on conflict (tenant_id, contact_id, workflow_id, node_id) do update set variant = excluded.variant, run_id = excluded.run_id,
    version = excluded.version, assigned_at = excluded.assigned_at, converted_at = null)
{counting(_CHANGES)}
"""
_REACHED = f"select tenant_id, workflow_id, version, node_id, '{CONVERTED}' || variant as key, 1 as n from converted"
# A contact converts once. Splits that it came to behind the goal, in the same batch, are passed over.
_CONVERT = f"""
with converted as (
  update split_exposures e set converted_at = (select clock_now())
  from unnest(%(tenants)s::int[], %(contacts)s::uuid[], %(workflows)s::uuid[]) as r(tenant_id, contact_id, workflow_id)
  where e.tenant_id = r.tenant_id and e.contact_id = r.contact_id and e.workflow_id = r.workflow_id and e.converted_at is null
    and (e.contact_id, e.workflow_id, e.node_id) not in (
      select * from unnest(%(later_contacts)s::uuid[], %(later_workflows)s::uuid[], %(later_nodes)s::text[]))
  returning e.tenant_id, e.workflow_id, e.version, e.node_id, e.variant)
{counting(_REACHED)}
"""


def load(
    cursor: Cursor, contacts: Sequence[Place], flows: Iterable[CompiledFlow]
) -> dict[bytes, dict[tuple[bytes, str], str]]:
    """By contact the variants that it has, by workflow and node; of those of `flows` that ask. Nothing is read when none does."""
    asking = list(dict.fromkeys(flow for flow in flows if flow.scope.remembers))
    assigned: dict[bytes, dict[tuple[bytes, str], str]] = {}
    if asking and contacts:
        tenants = {flow.tenant_id for flow in asking}
        places = dict.fromkeys(place for place in contacts if place[0] in tenants)
        workflows = Uuids(list(dict.fromkeys(flow.workflow_id for flow in asking)))
        for contact_id, workflow_id, node_id, variant in of_contacts(cursor, _ASSIGNED, places, workflows=workflows):
            assigned.setdefault(contact_id, {})[workflow_id, node_id] = variant
    return assigned


def write(cursor: Cursor, batch: Batch, shard: int) -> None:
    """Keep what the steps of a batch gave their contacts, in one order for all workers, and count it."""
    variant_by_place = {
        (path.flow.tenant_id, run.contact.id, path.flow.workflow_id, node_id): (variant, run.id, path.flow.version)
        for path in batch.paths
        if path.runs
        for stretch in path.from_start()
        for node_id, variant in stretch.assigned
        for run in path.runs
        if run.contact.id
    }
    if not variant_by_place:
        return
    lines = sorted((*place, *value) for place, value in variant_by_place.items())
    arguments = {
        "tenants": Int4s([rows.int4(tenant_id) for tenant_id, *_ in lines]),
        "contacts": Uuids([line[1] for line in lines]),
        "workflows": Uuids([line[2] for line in lines]),
        "nodes": Texts([rows.text(line[3]) for line in lines]),
        "variants": Texts([rows.text(line[4]) for line in lines]),
        "runs": Uuids([line[5] for line in lines]),
        "versions": Int4s([rows.int4(line[6]) for line in lines]),
        "shard": shard,
    }
    cursor.execute(_ASSIGN, arguments)


def convert(cursor: Cursor, batch: Batch, shard: int) -> None:
    """Note who reached a goal of a workflow with a split, after the variants of the batch are written. Others pay nothing."""
    reached: set[tuple[int, bytes, bytes]] = set()
    later: set[tuple[bytes, bytes, str]] = set()
    for path in batch.paths:
        if not (path.runs and path.flow.scope.remembers):
            continue
        won, behind = _won(path)
        if won:
            workflow_id = path.flow.workflow_id
            contacts = [run.contact.id for run in path.runs if run.contact.id]
            reached.update((path.flow.tenant_id, contact_id, workflow_id) for contact_id in contacts)
            later.update((contact_id, workflow_id, node_id) for contact_id in contacts for node_id in behind)
    if not reached:
        return
    lines, spared = sorted(reached), sorted(later)
    arguments = {
        "tenants": Int4s([rows.int4(tenant_id) for tenant_id, *_ in lines]),
        "contacts": Uuids([line[1] for line in lines]),
        "workflows": Uuids([line[2] for line in lines]),
        "later_contacts": Uuids([line[0] for line in spared]),
        "later_workflows": Uuids([line[1] for line in spared]),
        "later_nodes": Texts([rows.text(line[2]) for line in spared]),
        "shard": shard,
    }
    cursor.execute(_CONVERT, arguments)


def _won(path: SharedPath) -> tuple[bool, list[str]]:
    """Do the runs of a path reach a goal in this batch, and which of their splits come behind the last one?"""
    if path.end.status == GOAL_REACHED:
        return True, []
    won, behind = False, list[str]()
    for stretch in path.from_start():
        nodes = [node_id for node_id, _ in stretch.assigned]
        if stretch.won_after is None:
            behind += nodes
        else:
            won, behind = True, nodes[stretch.won_after :]
    return won, behind
