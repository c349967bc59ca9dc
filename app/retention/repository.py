"""All SQL of retention. Each statement deletes at most BATCH rows, found from the old end of an index of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import first_uuid7_of
from app.models import Workspace

BATCH = 5_000
"""Rows deleted in one transaction: some 50 ms, so that nobody waits long for a row."""

_MAILBOX = """
delete from mailbox_messages where tenant_id = :tenant and id = any(array(
  select id from mailbox_messages where tenant_id = :tenant and id < :before order by id limit :batch)) returning id
"""
# What they are known by goes with them: an event that is sent again after that is a new one.
_EVENTS = """
with gone as (
  delete from events where tenant_id = :tenant and id = any(array(
    select id from events where tenant_id = :tenant and id < :before order by id limit :batch)) returning id
), keys as (
  delete from event_keys where tenant_id = :tenant and event_id in (select id from gone)
)
select id from gone
"""
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
_MAIL_COUNTS = """
delete from mail_counts where hour < clock_now() - interval '2 days' returning tenant_id
"""
_HEARTBEATS = "delete from heartbeats where at < now() - interval '1 hour' returning process"
_OLDEST = {
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


async def delete_old(session: AsyncSession, kind: str, tenant_id: int, before: datetime) -> int:
    """Delete a batch of a kind that is older than `before`. Returns how many went."""
    values: dict[str, Any] = {"tenant": tenant_id, "batch": BATCH, "before": before}
    if kind in ("events", "mailbox"):
        sql, values["before"] = {"events": _EVENTS, "mailbox": _MAILBOX}[kind], first_uuid7_of(before)
    else:
        sql = {"dead_letters": _DEAD_LETTERS, "imports": _IMPORTS}[kind]
        values = {key: value for key, value in values.items() if f":{key}" in sql}
    return await _rows(session, sql, values)


async def delete_surplus(session: AsyncSession, tenant_id: int, most: int) -> int:
    """Delete a batch of mailbox messages beyond the newest `most`."""
    return await _rows(session, _MAILBOX_MOST, {"tenant": tenant_id, "most": most, "batch": BATCH})


async def delete_refusals(session: AsyncSession, tenant_id: int, before: datetime) -> int:
    """Delete a batch of refused entries that are older than `before`."""
    return await _rows(session, _REFUSALS, {"tenant": tenant_id, "batch": BATCH, "before": before})


async def delete_heartbeats(session: AsyncSession) -> int:
    """Delete what processes left that were killed. Returns how many went."""
    return await _rows(session, _HEARTBEATS, {})


async def delete_mail_counts(session: AsyncSession) -> int:
    """Delete the hours of which no ceiling asks any more. Returns how many went."""
    return await _rows(session, _MAIL_COUNTS, {})


async def _rows(session: AsyncSession, sql: str, values: dict[str, Any]) -> int:
    rows: Sequence[UUID | int | str] = (await session.execute(text(sql), values)).scalars().all()
    return len(rows)
