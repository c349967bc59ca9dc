"""All SQL of retention. Each statement deletes at most BATCH rows, found from the old end of an index of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.recount_repository import sums_of_messages, sums_of_runs, sums_of_starts
from app.membership.history_repository import fold_sql
from app.models import Workspace
from app.retention.entry_repository import remembering
from app.retention.leaving_repository import ALONE

BATCH = 5_000
"""Rows deleted in one transaction: some 50 ms, so that nobody waits long for a row."""
RUNS_AT_ONCE = 10_000
"""Runs removed in one transaction, with all that belongs to them. Nobody works with them any more, so nobody waits."""

_MAILBOX = """
delete from mailbox_messages where tenant_id = :tenant and id = any(array(
  select id from mailbox_messages where tenant_id = :tenant and id < :before order by id limit :batch)) returning id
"""
# What they are known by goes with them: an event that is sent again after that is a new one.
_EVENTS = f"""
with gone as (
  delete from events where tenant_id = :tenant and id = any(array(
    select id from events where tenant_id = :tenant and id < :before order by id limit :batch))
  returning id, tenant_id, contact_id, name, occurred_at, received_at
), keys as (
  delete from event_keys where tenant_id = :tenant and event_id in (select id from gone)
), history as ({fold_sql("gone")})
select id from gone
"""  # noqa: S608  constants
_MAILBOX_MOST = """
delete from mailbox_messages where tenant_id = :tenant and id = any(array(
  select id from mailbox_messages where tenant_id = :tenant order by id desc offset :most limit :batch)) returning id
"""
_DEAD_LETTERS = """
delete from dead_letters where tenant_id = :tenant and id = any(array(
  select id from (select id, at from dead_letters where tenant_id = :tenant order by id limit :batch) as oldest
  where at < :before)) returning id
"""
# The rows of an import go with it: at most 10,000 of each.
_IMPORTS = """
delete from contact_imports where tenant_id = :tenant and id = any(array(
  select id from contact_imports where tenant_id = :tenant and status in ('completed', 'failed') and updated_at < :before
  order by id limit 20)) returning id
"""
# Rows are numbered as they come, so the oldest of a workspace are at the head of its part of the key.
_REFUSALS = """
delete from entry_refusals where tenant_id = :tenant and id = any(array(
  select id from (select id, at from entry_refusals where tenant_id = :tenant order by id limit :batch) as oldest
  where at < :before)) returning id
"""
# One range of the primary key: ids order runs by when they began. What hangs on them is looked for in the same range.
_PIECE_OF_RUNS = """
select max(id::text)::uuid from (
  select id from ended_runs where tenant_id = :tenant and id >= :after and id < :before order by id limit :batch) piece
where not exists (select from leaving_months where kind = 'runs')
"""
# Messages are locked before they are looked at: one that somebody sends again meanwhile keeps its run.
_RUNS = f"""
with locked as materialized (
  select run_id, status, due_at from messages
  where tenant_id = :tenant and run_id >= :after and run_id <= :last order by run_id, seq for update),
runs_gone as (
  delete from ended_runs r where r.tenant_id = :tenant and r.id >= :after and r.id <= :last and not exists (
    select from locked m where m.run_id = r.id and (m.status in (0, 1) or (m.status = 9 and m.due_at is not null)))
  returning *),
steps_gone as (
  delete from steps s using runs_gone r where s.tenant_id = :tenant and s.run_id >= :after and s.run_id <= :last and s.run_id = r.id
  returning s.*),
messages_gone as (
  delete from messages m using runs_gone r where m.tenant_id = :tenant and m.run_id >= :after and m.run_id <= :last and m.run_id = r.id
  returning m.*),
attempts_gone as (
  delete from step_attempts a using runs_gone r
  where a.tenant_id = :tenant and a.run_id >= :after and a.run_id <= :last and a.run_id = r.id),
reports_gone as (
  delete from message_reports p using runs_gone r
  where p.tenant_id = :tenant and p.run_id >= :after and p.run_id <= :last and p.run_id = r.id),
outbound_gone as (
  delete from outbound_calls o using runs_gone r
  where o.tenant_id = :tenant and o.run_id >= :after and o.run_id <= :last and o.run_id = r.id),
logs_gone as (
  delete from run_logs l using runs_gone r
  where l.tenant_id = :tenant and l.run_id >= :after and l.run_id <= :last and l.run_id = r.id),
calls_gone as (
  delete from sub_runs s where s.tenant_id = :tenant and s.run_id >= :after and s.run_id <= :last and s.ended_at is not null),
decisions_gone as (
  delete from message_decisions d using runs_gone r
  where d.tenant_id = :tenant and d.run_id >= :after and d.run_id <= :last and d.run_id = r.id),
summed as (
  insert into retired_stats (tenant_id, workflow_id, version, node_id, key, n)
  select tenant_id, workflow_id, version, node_id, key, sum(n) from (
    {sums_of_runs("runs_gone", "steps_gone")} union all {sums_of_starts("runs_gone")}
    union all {sums_of_messages("messages_gone")}) s
  group by 1, 2, 3, 4, 5
  on conflict (tenant_id, workflow_id, version, node_id, key, month) do update set n = retired_stats.n + excluded.n),
remembered as ({remembering("runs_gone", of_tenant="and w.tenant_id = :tenant")})
select count(*) from runs_gone
"""  # noqa: S608  constants
_REMOVED_BEFORE = """
insert into history_starts (tenant_id, rule, at) values (:tenant, :rule, :at)
on conflict (tenant_id, rule) do update set at = greatest(history_starts.at, excluded.at)
"""
_MAIL_COUNTS = """
delete from mail_counts where hour < clock_now() - interval '2 days' returning tenant_id
"""
_HOSTS = """
delete from service_hosts where tenant_id = :tenant and noted_at < clock_now() - interval '24 hours' returning host
"""
_HEARTBEATS = "delete from heartbeats where at < now() - interval '1 hour' returning process"
_OLDEST = {
    "runs": "select started_at as at from ended_runs where tenant_id = :tenant order by id limit 1",
    "events": "select received_at as at from events where tenant_id = :tenant order by id limit 1",
    "mailbox": "select received_at as at from mailbox_messages where tenant_id = :tenant order by id limit 1",
    "dead_letters": "select at from dead_letters where tenant_id = :tenant order by id limit 1",
    "imports": "select created_at as at from contact_imports where tenant_id = :tenant order by id limit 1",
}


async def workspaces(session: AsyncSession) -> Sequence[tuple[int, dict[str, Any]]]:
    """(id, settings) of all."""
    return [(row[0], row[1]) for row in await session.execute(select(Workspace.id, Workspace.settings))]


async def oldest(session: AsyncSession, tenant_id: int) -> dict[str, datetime | None]:
    """Of each kind, from when the oldest row is."""
    return {name: await session.scalar(text(sql), {"tenant": tenant_id}) for name, sql in _OLDEST.items()}


async def delete_events(session: AsyncSession, tenant_id: int, before: UUID) -> int:
    """Delete a batch of events with ids below `before`. Returns how many went."""
    return await _rows(session, _EVENTS, {"tenant": tenant_id, "batch": BATCH, "before": before})


async def delete_mails(session: AsyncSession, tenant_id: int, before: UUID) -> int:
    """The same of the built-in mailbox."""
    return await _rows(session, _MAILBOX, {"tenant": tenant_id, "batch": BATCH, "before": before})


async def delete_dead_letters(session: AsyncSession, tenant_id: int, before: datetime) -> int:
    """Delete a batch of events set aside before `before`. Returns how many went."""
    return await _rows(session, _DEAD_LETTERS, {"tenant": tenant_id, "batch": BATCH, "before": before})


async def delete_imports(session: AsyncSession, tenant_id: int, before: datetime) -> int:
    """Delete a batch of reports of imports that ended before `before`. Returns how many went."""
    return await _rows(session, _IMPORTS, {"tenant": tenant_id, "before": before})


async def delete_runs(session: AsyncSession, tenant_id: int, after: UUID, before: UUID) -> tuple[int, UUID | None]:
    """Remove a piece of ended runs with ids from `after` to below `before`, and all that belongs to them; their sums stay.

    Those with a message still to be sent stay. Answers how many went and up to which id it looked; None: there are no more, or
    somebody else removes runs now, or a month, of which all is counted already, is on its way out.
    """
    if not await session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": ALONE}):
        return 0, None
    values = {"tenant": tenant_id, "after": after, "before": before, "batch": RUNS_AT_ONCE}
    last: UUID | None = await session.scalar(text(_PIECE_OF_RUNS), values)
    if last is None:
        return 0, None
    removed = await session.scalar(text(_RUNS), {"tenant": tenant_id, "after": after, "last": last})
    return int(removed or 0), last


async def note_start(session: AsyncSession, tenant_id: int, rule: str, at: datetime) -> None:
    """From `at` on there is all of what the rule keeps; of what was before, some was removed."""
    await session.execute(text(_REMOVED_BEFORE), {"tenant": tenant_id, "rule": rule, "at": at})


async def delete_surplus(session: AsyncSession, tenant_id: int, most: int) -> int:
    """Delete a batch of mailbox messages beyond the newest `most`."""
    return await _rows(session, _MAILBOX_MOST, {"tenant": tenant_id, "most": most, "batch": BATCH})


async def delete_refusals(session: AsyncSession, tenant_id: int, before: datetime) -> int:
    """Delete a batch of refused entries that are older than `before`."""
    return await _rows(session, _REFUSALS, {"tenant": tenant_id, "batch": BATCH, "before": before})


async def delete_hosts(session: AsyncSession, tenant_id: int) -> int:
    """Forget hosts without a connector of which no call has said anything for a day. Returns how many went."""
    return await _rows(session, _HOSTS, {"tenant": tenant_id})


async def delete_heartbeats(session: AsyncSession) -> int:
    """Delete what processes left that were killed. Returns how many went."""
    return await _rows(session, _HEARTBEATS, {})


async def delete_mail_counts(session: AsyncSession) -> int:
    """Delete the hours of which no ceiling asks any more. Returns how many went."""
    return await _rows(session, _MAIL_COUNTS, {})


async def _rows(session: AsyncSession, sql: str, values: dict[str, Any]) -> int:
    rows: Sequence[UUID | int | str] = (await session.execute(text(sql), values)).scalars().all()
    return len(rows)
