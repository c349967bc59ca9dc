"""The variant that a step gave a contact: read with the contacts of a batch, written with what its runs did.

Only batches of versions that ask (`scope.assigned`) pay for it: one query to read, one statement to write. The contacts are locked, so
nobody else gives them another one meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.engine import rows
from app.engine.claim import RUN_IS_ASKED, Cursor, Place, of_contacts
from app.engine.compiled import CompiledFlow
from app.engine.rows import Int4s, Texts, Uuids
from app.engine.walk import Batch

_ASSIGNED = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), r.node_id, r.variant from split_exposures r
where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s)
"""
# One is there already when its variant was taken out of the workflow since: then the contact has a new one.
_ASSIGN = """
insert into split_exposures (tenant_id, contact_id, workflow_id, node_id, variant, run_id, assigned_at)
select u.*, (select clock_now()) from unnest(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[]) as u
on conflict (tenant_id, contact_id, workflow_id, node_id)
do update set variant = excluded.variant, run_id = excluded.run_id, assigned_at = excluded.assigned_at
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


def write(cursor: Cursor, batch: Batch) -> None:
    """Keep what the steps of a batch gave their contacts, in one order for all workers."""
    variant_by_place = {
        (path.flow.tenant_id, run.contact.id, path.flow.workflow_id, node_id): (variant, run.id)
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
    cursor.execute(
        _ASSIGN,
        (
            Int4s([rows.int4(tenant_id) for tenant_id, *_ in lines]),
            Uuids([line[1] for line in lines]),
            Uuids([line[2] for line in lines]),
            Texts([rows.text(line[3]) for line in lines]),
            Texts([rows.text(line[4]) for line in lines]),
            Uuids([line[5] for line in lines]),
        ),
    )
