"""Writes whom a batch did not let in. The same refusal of the same contact is one row a day, so a burst of them takes no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from app.engine import rows
from app.engine.records import Refusal
from app.engine.rows import Int4s, Jsons, Stamps, Texts, Uuids

REFUSE = """
insert into entry_refusals (tenant_id, workflow_id, contact_id, event_id, run_id, reason, detail, at, last_at, day, times, trigger_id)
select tenant_id, workflow_id, contact_id, event_id, run_id, reason, detail, at, at, (at at time zone 'UTC')::date, times, trigger_id
from unnest(%s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::jsonb[], %s::timestamptz[], %s::int[], %s::text[])
  as refused(tenant_id, workflow_id, contact_id, event_id, run_id, reason, detail, at, times, trigger_id)
on conflict (tenant_id, workflow_id, contact_id, reason, day) where day is not null
do update set times = entry_refusals.times + excluded.times, last_at = excluded.last_at, event_id = excluded.event_id,
  run_id = excluded.run_id, detail = excluded.detail, trigger_id = excluded.trigger_id
"""


def refuse_arguments(refusals: Iterable[Refusal], now: int) -> tuple[Any, ...]:
    """Arguments of REFUSE, in one order for all workers. Of several alike the last one is told."""
    last: dict[tuple[int, bytes, bytes, str], Refusal] = {}
    times = Counter[tuple[int, bytes, bytes, str]]()
    for refusal in refusals:
        place = refusal.tenant_id, refusal.workflow_id, refusal.contact_id or b"", refusal.reason
        last[place] = refusal
        times[place] += 1
    places = sorted(last)
    listed = [last[place] for place in places]
    return (
        Int4s([rows.int4(one.tenant_id) for one in listed]),
        Uuids([one.workflow_id for one in listed]),
        Uuids([one.contact_id for one in listed]),
        Uuids([one.event_id for one in listed]),
        Uuids([one.run_id for one in listed]),
        Texts([rows.text(one.reason) for one in listed]),
        Jsons([rows.json(one.detail) for one in listed]),
        Stamps([rows.stamp(now)] * len(listed)),
        Int4s([rows.int4(times[place]) for place in places]),
        Texts([rows.text(one.trigger_id) for one in listed]),
    )
