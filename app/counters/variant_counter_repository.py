"""The SQL that adds to the counters of variants (`variant_counters`), for statements that write who has one."""

from __future__ import annotations


def counting(lines: str) -> str:
    """SQL that adds `lines` (tenant_id, workflow_id, version, node_id, key, n) to the counters; it takes the parameter `shard`."""
    return f"""
insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
select tenant_id, workflow_id, version, node_id, key, %(shard)s, sum(n) from ({lines}) as lines
group by tenant_id, workflow_id, version, node_id, key having sum(n) <> 0
order by workflow_id, version, node_id collate "C", key collate "C"
on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
"""  # noqa: S608  constants
