"""Contacts by the variant that a split gave them, as counters in `node_stats` of the version that gave it.

    variant.contacts.VARIANT    contacts that have it: one that enters again counts once
    variant.converted.VARIANT   those of them whose runs in this workflow have reached a goal since

The engine counts in the statement that writes `split_exposures`, so no page counts rows. What was erased stays in the sums.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "variant."
CONTACTS, CONVERTED = f"{PREFIX}contacts.", f"{PREFIX}converted."


def counting(lines: str) -> str:
    """SQL that adds `lines` (tenant_id, workflow_id, version, node_id, key, n) to the counters; it takes the parameter `shard`."""
    return f"""
insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
select tenant_id, workflow_id, version, node_id, key, %(shard)s, sum(n) from ({lines}) as lines
group by tenant_id, workflow_id, version, node_id, key having sum(n) <> 0
order by workflow_id, version, node_id collate "C", key collate "C"
on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
"""  # noqa: S608  constants


def contacts_by_variant(counters: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Of the counters of one step: how many contacts have each variant, and how many of those reached a goal. None have: no entry."""
    by_variant = {
        key.removeprefix(CONTACTS): (count, counters.get(CONVERTED + key.removeprefix(CONTACTS), 0))
        for key, count in counters.items()
        if key.startswith(CONTACTS)
    }
    return {variant: counts for variant, counts in sorted(by_variant.items()) if counts[0] > 0}
