"""Messages that were held, because a connector or a workflow rested, are due again when it does not rest any more.

Some hundred are freed in the transaction that ends the rest; more than that are left to a job, which frees as many at a time. A batch
frees nothing while its cause holds again, so that it never runs after a queue that fills behind it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.stand_in_repository import HOLDERS
from app.lib import database, jobs
from app.models.message_job import MessageJob

AT_ONCE = 1_000
JOB = "move_messages"
"""The name of the actor that does the rest."""

_FREE = """
update messages set due_at = clock_now(), reason = null, error_message = null where tenant_id = %(tenant)s and (run_id, seq) in (
  select run_id, seq from messages
  where tenant_id = %(tenant)s and status = 0 and due_at is null and {which} limit %(limit)s for update skip locked)
returning run_id
"""
_FOLLOWS_DEFAULT = (
    "coalesce(payload->>'connectorId', '') = ''"
    " and reason in ('connector_paused', 'server_away', 'no_connector', 'no_stand_in')"
)
_OF_CHANNEL = "channel = (select channel from connectors where id = %(id)s and tenant_id = %(tenant)s)"
# What it holds itself, and what those hold that do not work and that it stands in for.
_HELD = f"(connector_id = %(id)s or connector_id in ({HOLDERS}))"
_WORKS = "not exists (select from connectors where id = %(id)s and tenant_id = %(tenant)s and state = 'paused')"
_FREES = {
    "connector": _FREE.format(which=f"{_HELD} and {_WORKS}"),
    # Those that name no connector follow the default, which this one is now.
    "default": _FREE.format(which=f"({_HELD} or ({_FOLLOWS_DEFAULT} and {_OF_CHANNEL})) and {_WORKS}"),
    "workflow": _FREE.format(
        which="workflow_id = %(id)s and reason = 'workflow_paused' and not exists ("
        "select from workflows where id = %(id)s and tenant_id = %(tenant)s and status = 'paused' and deleted_at is null)"
    ),
}


async def release(session: AsyncSession, tenant_id: int, wanted: dict[str, Any]) -> int:
    """Free up to AT_ONCE messages; fewer means that no more are held. `wanted` is `{"cause": connector|default|workflow, "id": …}`."""
    released = await database.execute(
        session, _FREES[wanted["cause"]], tenant=tenant_id, id=UUID(wanted["id"]), limit=AT_ONCE
    )
    return len(released)


async def release_now_or_soon(session: AsyncSession, tenant_id: int, cause: str, cause_id: UUID) -> None:
    """Free what `cause` held: some hundred at once, the rest by a job. Where they may still not leave, the next look holds them again."""
    await session.flush()
    wanted = {"cause": cause, "id": str(cause_id)}
    freed = await release(session, tenant_id, wanted)
    if freed == AT_ONCE:
        session.add(
            MessageJob(tenant_id=tenant_id, act="release", wanted=wanted, by_kind="product", by_name="", moved=freed)
        )
        await session.flush()
        jobs.enqueue(session, JOB)
