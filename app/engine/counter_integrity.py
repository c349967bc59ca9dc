"""What must hold of counters after every fault, as checks of `app.engine.integrity`."""

from __future__ import annotations

from app.counters.message_counters import PREFIX
from app.counters.recount_repository import STARTED, sums_of_messages, sums_of_runs, sums_of_variants
from app.counters.variant_counters import PREFIX as OF_VARIANTS

# Each step with the counter under which its end is counted; what was removed is in the sums that stay of it.
_COUNTED = f"""
counted as (
  select tenant_id, workflow_id, version, node_id, key, sum(n) as n from (
    {sums_of_runs("runs", "steps")}
    union all
    select tenant_id, workflow_id, version, node_id, key, n from retired_stats
    where key <> '{STARTED}' and not starts_with(key, '{PREFIX}') and not starts_with(key, '{OF_VARIANTS}')) whole
  group by 1, 2, 3, 4, 5)
"""

CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "I5",
        "a counter is what runs and steps say",
        f"""
        with {_COUNTED}, kept as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from node_stats
          where key <> 'seconds' and not starts_with(key, '{PREFIX}') and not starts_with(key, '{OF_VARIANTS}')
          group by 1, 2, 3, 4, 5 having sum(n) <> 0)
        select workflow_id, 'version ' || version || ' ' || coalesce(nullif(node_id, ''), 'workflow') || ' ' || key
          || ': counted ' || coalesce(k.n, 0) || ', are ' || coalesce(c.n, 0)
        from kept k full join counted c using (tenant_id, workflow_id, version, node_id, key) where k.n is distinct from c.n
        """,
    ),
    (
        "I5",
        "a message is in the counter of what became of it",
        f"""
        with counted as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from (
            {sums_of_messages("messages")}
            union all
            select tenant_id, workflow_id, version, node_id, key, n from retired_stats where starts_with(key, '{PREFIX}')) whole
          group by 1, 2, 3, 4, 5 having sum(n) <> 0),
        kept as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from node_stats
          where starts_with(key, '{PREFIX}') group by 1, 2, 3, 4, 5 having sum(n) <> 0)
        select workflow_id, 'version ' || version || ' ' || node_id || ' ' || key
          || ': counted ' || coalesce(k.n, 0) || ', are ' || coalesce(c.n, 0)
        from kept k full join counted c using (tenant_id, workflow_id, version, node_id, key) where k.n is distinct from c.n
        """,
    ),
    (
        "I5",
        "contacts by variant are who has it, and who reached a goal since",
        f"""
        with counted as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from (
            {sums_of_variants("split_exposures")}
            union all
            select tenant_id, workflow_id, version, node_id, key, n from retired_stats where starts_with(key, '{OF_VARIANTS}')) whole
          group by 1, 2, 3, 4, 5 having sum(n) <> 0),
        kept as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from node_stats
          where starts_with(key, '{OF_VARIANTS}') group by 1, 2, 3, 4, 5 having sum(n) <> 0)
        select workflow_id, 'version ' || version || ' ' || node_id || ' ' || key
          || ': counted ' || coalesce(k.n, 0) || ', are ' || coalesce(c.n, 0)
        from kept k full join counted c using (tenant_id, workflow_id, version, node_id, key) where k.n is distinct from c.n
        """,
    ),
)
