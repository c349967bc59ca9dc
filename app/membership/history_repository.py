"""What contacts did before their events left: how often, when first and when last, by the name of the event.

Events that leave are added here in the transaction that makes them leave, so what segments count is there once, now or then. Instants
are microseconds since 2000, as in `segment_facts`.
"""

from __future__ import annotations

from app.membership.rule_repository import MICROS


def fold_sql(source: str) -> str:
    """SQL that adds events about contacts to the history; `source` has rows of `events`. Not those that were never handled."""
    at = MICROS.format("least(e.occurred_at, e.received_at)")
    return f"""
    insert into event_history as h (tenant_id, contact_id, name, n, first_at, last_at)
    select e.tenant_id, e.contact_id, e.name, count(*), min({at}), max({at}) from {source} e
    where e.contact_id is not null
      and exists (select from contacts c where c.tenant_id = e.tenant_id and c.id = e.contact_id)
      and not exists (select from inbox i where i.tenant_id = e.tenant_id and i.event_id = e.id)
      and not exists (
        select from dead_letters d where d.tenant_id = e.tenant_id and d.contact_id = e.contact_id and d.event_id = e.id)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (tenant_id, contact_id, name) do update set n = h.n + excluded.n,
      first_at = least(h.first_at, excluded.first_at), last_at = greatest(h.last_at, excluded.last_at)
    """  # noqa: S608  constants
