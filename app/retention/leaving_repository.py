"""All SQL of months that leave: whether one may, the sums of it that stay, and each step of taking it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.counters.message_counters import AWAITED, FAILED, KEY, PREFIX
from app.counters.recount_repository import sums_of_messages, sums_of_runs, sums_of_starts
from app.lib import shards
from app.membership.history_repository import fold_sql
from app.retention import month_repository
from app.retention.entry_repository import remembering
from app.retention.month_repository import MonthPart

Connection = psycopg.Connection[Any]
TABLES = {
    "runs": (
        "messages",
        "message_reports",
        "outbound_calls",
        "run_logs",
        "step_attempts",
        "steps",
        "sub_runs",
        "ended_runs",
    ),
    "events": ("events",),
}
"""What leaves together, in this order. The last tells which workspaces have rows of a month."""
ALONE = 7_331_003
"""The advisory lock of whoever removes runs, by month or row by row: what leaves is counted once."""
PIECE = 10_000
"""Rows deleted in one transaction."""


class Leaving(NamedTuple):
    """A month that leaves, or is to leave: of `runs` or of `events`, ids from `first` to below `until`."""

    kind: str
    suffix: str
    first: UUID
    until: UUID
    replaced: bool
    """An empty month takes its place."""

    def table(self, whole: str) -> str:
        """The name of its part of a table."""
        return f"{whole}_{self.suffix}"

    @property
    def main(self) -> str:
        return self.table(TABLES[self.kind][-1])


# Each workspace is looked at by an index: a walk over all runs under way would cost a second per million, every few minutes.
_IN_USE = {
    "runs": """
select exists (select from workspaces w where exists (
  select from active_runs r where r.tenant_id = w.id and r.id >= %(first)s and r.id < %(until)s))
or exists (select from {messages} where status in (0, 1)) or exists (select from {messages} where status = 9 and due_at is not null)
""",
    "events": """
select exists (select from workspaces w where exists (
  select from inbox i where i.tenant_id = w.id and i.event_id >= %(first)s and i.event_id < %(until)s))
""",
}
_OF_WORKSPACES = """
with recursive tenants as (
  (select tenant_id from {table} order by tenant_id limit 1)
  union all
  select n.tenant_id from tenants t cross join lateral (
    select tenant_id from {table} where tenant_id > t.tenant_id order by tenant_id limit 1) n)
select tenant_id from tenants
"""
_NOTE = """
insert into leaving_months (kind, suffix, first, until, replaced) values (%s, %s, %s, %s, %s)
"""
_STARTS = """
insert into history_starts (tenant_id, rule, at) select tenant_id, %s, %s from unnest(%s::int[]) as t(tenant_id)
on conflict (tenant_id, rule) do update set at = greatest(history_starts.at, excluded.at)
"""
_SUMS = """
insert into retired_stats (tenant_id, workflow_id, version, node_id, key, month, n)
select tenant_id, workflow_id, version, node_id, key, %s, sum(n) from ({sums}) s group by 1, 2, 3, 4, 5
"""
_MERGE = (
    """
insert into retired_stats (tenant_id, workflow_id, version, node_id, key, n)
select tenant_id, workflow_id, version, node_id, key, n from retired_stats where month = %s
on conflict (tenant_id, workflow_id, version, node_id, key, month) do update set n = retired_stats.n + excluded.n
""",
    "delete from retired_stats where month = %s",
)
# Somebody sent one again after the month was looked at: it does not leave any more, and is counted as what it is.
_OPEN = "status in (0, 1) or (status = 9 and due_at is not null)"
_END_OPEN = (
    f"""
insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
select tenant_id, workflow_id, workflow_version, node_id, v.key, {shards.PEOPLE}, sum(v.n) from {{messages}},
  lateral (values ({KEY}, -1), ('{FAILED}', 1)) as v(key, n)
where node_id <> '' and ({_OPEN}) group by 1, 2, 3, 4, 5 having sum(v.n) <> 0
on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
""",  # noqa: S608  constants
    f"update {{messages}} set status = 8, due_at = null, lease_until = null, payload = payload - '{AWAITED}' where {_OPEN}",  # noqa: S608
)
_KEYS = """
delete from event_keys where tenant_id = %(tenant)s and event_id = any(array(
  select event_id from event_keys where tenant_id = %(tenant)s and event_id >= %(first)s and event_id < %(until)s
  order by event_id limit %(limit)s))
"""
_DECISIONS = """
delete from message_decisions where tenant_id = %(tenant)s and (run_id, seq, fence) in (
  select run_id, seq, fence from message_decisions where tenant_id = %(tenant)s and run_id >= %(first)s and run_id < %(until)s
  order by run_id, seq, fence limit %(limit)s)
"""
_BESIDE = {"runs": _DECISIONS, "events": _KEYS}
"""What is not kept by month and belongs to the rows of one."""


def parts(connection: Connection, kind: str) -> list[MonthPart]:
    """The parts of the table that says which months there are of a kind, the oldest first."""
    return [part for part in month_repository.parts(connection) if part.table == TABLES[kind][-1]]


def begun(connection: Connection) -> list[Leaving]:
    """Months that somebody began to take away."""
    rows = connection.execute("select kind, suffix, first, until, replaced from leaving_months order by until")
    return [Leaving(*row) for row in rows]


def workspaces_in(connection: Connection, month: Leaving) -> list[int]:
    """Which workspaces have rows of the month; one look into an index for each."""
    tenants = set[int]()
    for table in TABLES[month.kind]:
        tenants |= {tenant for (tenant,) in connection.execute(_OF_WORKSPACES.format(table=month.table(table)))}
    return sorted(tenants)


def in_use(connection: Connection, month: Leaving) -> bool:
    """Is a run of the month under way or a message of it still to leave; is one of its events yet to be handled?"""
    sql = _IN_USE[month.kind].format(messages=month.table("messages"))
    return connection.execute(sql, {"first": month.first, "until": month.until}).fetchone() == (True,)


def note(connection: Connection, month: Leaving, tenants: Sequence[int], since: datetime) -> None:
    """Count the month and say that it is on its way out, in the caller's transaction. `since`: when what stays begins."""
    connection.execute(_NOTE, month)
    connection.execute(_STARTS, (month.kind, since, list(tenants)))
    if month.kind == "events":
        connection.execute(fold_sql(month.table("events")))
    if month.kind == "runs":
        runs = month.table("ended_runs")
        connection.execute(remembering(runs))
        sums = (
            sums_of_runs(runs, month.table("steps")),
            sums_of_starts(runs),
            sums_of_messages(month.table("messages")),
        )
        connection.execute(_SUMS.format(sums=" union all ".join(sums)), (month.suffix,))


def wait_to_be_alone(connection: Connection) -> bool:
    """Hold `ALONE` until the connection closes. False when somebody else has it."""
    return connection.execute("select pg_try_advisory_lock(%s)", (ALONE,)).fetchone() == (True,)


def delete_beside(connection: Connection, month: Leaving, tenant_id: int) -> int:
    """Delete a piece of what is not kept by month. Returns how many rows went."""
    values: Mapping[str, Any] = {"tenant": tenant_id, "first": month.first, "until": month.until, "limit": PIECE}
    return connection.execute(_BESIDE[month.kind], values).rowcount


def detach(connection: Connection, month: Leaving) -> None:
    """Take its parts out of their tables, while others read and write those. Needs a connection without a transaction."""
    for table in TABLES[month.kind]:
        part = next((p for p in month_repository.parts(connection) if p.name == month.table(table)), None)
        if part is not None:
            how = "finalize" if part.pending else "concurrently"
            connection.execute(f"alter table {table} detach partition {part.name} {how}")


def finish(connection: Connection, month: Leaving) -> None:
    """Drop what was taken out, in the caller's transaction; its sums stay."""
    if month.kind == "runs":
        messages = month.table("messages")
        for sql in _END_OPEN:
            connection.execute(sql.format(messages=messages))
        connection.execute(
            "delete from retired_stats where month = %s and starts_with(key, %s)", (month.suffix, PREFIX)
        )
        connection.execute(_SUMS.format(sums=sums_of_messages(messages)), (month.suffix,))
        for sql in _MERGE:
            connection.execute(sql, (month.suffix,))
    month_repository.one_at_a_time(connection)
    for table in TABLES[month.kind]:
        connection.execute(f"drop table {month.table(table)}")
        if month.replaced:
            month_repository.attach_new(connection, table, month.table(table), month.first, month.until)
    connection.execute("delete from leaving_months where kind = %s and suffix = %s", (month.kind, month.suffix))
