"""Messages of each step by status, as counters in `node_stats`: each message is in exactly one of them.

The engine counts a message as queued in the transaction that writes it; whoever moves it on counts it there no more and where it
is now, in the transaction that moves it. So the numbers are true at every moment and no page counts rows.

    message.queued             waits to be sent, is being sent, or is tried again
    message.sent               a mail server took it
    message.failed             it will not be sent; `message.failed.awaited` when its run waited for it and so left by `error`
    message.uncertain          nobody knows whether it left
    message.suppressed.REASON  it may not be sent

Beside them `report_counters` has what was reported about them, under keys that begin alike.
"""

from __future__ import annotations

from app.domain_events.outbox_repository import messages_sql
from app.live_moves import moved_sql

PREFIX = "message."
QUEUED, FAILED, UNCERTAIN = f"{PREFIX}queued", f"{PREFIX}failed", f"{PREFIX}uncertain"
AWAITED = "awaited"
"""In the payload of a message that a run waits for, and behind the counter of those that failed."""

KEY = f"""
case when status in (0, 1) then '{QUEUED}'
  when status = 8 then '{FAILED}' || case when payload ? '{AWAITED}' then '.{AWAITED}' else '' end
  when status = 9 then '{UNCERTAIN}'
  when status = 10 then '{PREFIX}suppressed' || coalesce('.' || reason, '')
  else '{PREFIX}sent' end
"""
"""The counter that a row of `messages` is in, as SQL."""


def moving(
    update: str,
    was: str | None,
    *,
    values: str = "",
    returning: str = "m.*",
    also: str = "",
    answer: str = "run_id, seq",
    final: str = "",
) -> str:
    """SQL that moves messages by `update`, an UPDATE without RETURNING, and counts them.

    All were counted as `was`; None: each as its column `was` says, which `returning` has then. `values` are CTEs that `update` reads,
    `also` some that read what it `moved`. It takes the parameter `shard` besides those of `update` and answers the columns `answer`
    of the messages that were moved, or what `final` selects.
    """
    before = f"'{was}'" if was else "was"
    return f"""
    with {values}{"," if values else ""} moved as ({update} returning {returning}),
    {messages_sql(f"(select * from moved where {KEY} <> {before})")},
    watched as ({moved_sql(f"(select * from moved where {KEY} <> {before})")}),
    counted as (
      insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
      select tenant_id, workflow_id, workflow_version, node_id, key, %(shard)s, sum(n) from moved,
        lateral (values ({before}, -1), ({KEY}, 1)) as c(key, n)
      where node_id <> '' group by tenant_id, workflow_id, workflow_version, node_id, key having sum(n) <> 0
      order by workflow_id, workflow_version, node_id collate "C", key collate "C"
      on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
    {"," if also else ""} {also}
    {final or f"select {answer} from moved"}
    """  # noqa: S608  constants
