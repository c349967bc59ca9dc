"""SQL of what people write to our numbers: who has the number, which message it answers, and whether it was recorded before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.message_ids import MessageKey
from app.messaging.channels.opt_words import STOP_WORDS

MOST_CONTACTS = 20
"""Contacts of one number that are looked at: a family or an office shares one."""
_STOP_WORDS = f"""
select settings->'{STOP_WORDS}' from workspaces where id = %(tenant)s
"""  # noqa: S608  a constant
_HOLDERS = """
select id from contacts where tenant_id = %(tenant)s and {} = %(address)s order by id limit {}
"""
# By the index on the contact; of one contact there are few.
_ANSWERED = """
select run_id, seq, contact_id from messages
where tenant_id = %(tenant)s and contact_id = any(%(contacts)s::uuid[]) and connector_id = %(connector)s and sent_at is not null
order by coalesce(provider_id = %(answers)s::text, false) desc, sent_at desc limit 1
"""
_RECORDED = """
select 1 from events
where tenant_id = %(tenant)s and contact_id = %(contact)s and name = %(name)s and properties->>'providerId' = %(key)s
  and received_at > clock_now() - interval '8 days' limit 1
"""
"""Providers repeat a call that nobody answered for up to seven days."""


class AnsweredMessage(NamedTuple):
    """The message that somebody answers, and whom it went to."""

    key: MessageKey
    contact_id: UUID


async def stop_words(session: AsyncSession, tenant_id: int) -> list[str]:
    """Words that stop messages in this workspace besides those that always do."""
    rows = await execute(session, _STOP_WORDS, tenant=tenant_id)
    return list(rows[0][0] or []) if rows else []


async def holders(session: AsyncSession, tenant_id: int, channel: type[ChannelType], address: str) -> list[UUID]:
    """The contacts who have this address of the channel, the first first."""
    query = _HOLDERS.format(channel.identifier, MOST_CONTACTS)
    return [row.id for row in await execute(session, query, tenant=tenant_id, address=address)]


async def answered(
    session: AsyncSession, tenant_id: int, connector_id: UUID, contacts: Sequence[UUID], answers: str
) -> AnsweredMessage | None:
    """The message of the connector that one of these contacts answers: the one called `answers` there, else the latest."""
    rows = await execute(
        session, _ANSWERED, tenant=tenant_id, contacts=list(contacts), connector=connector_id, answers=answers or None
    )
    return AnsweredMessage((rows[0].run_id, rows[0].seq), rows[0].contact_id) if rows else None


async def is_recorded(session: AsyncSession, tenant_id: int, contact_id: UUID, name: str, key: str) -> bool:
    """Is there an event of the contact with this name about what the provider calls `key`?"""
    return bool(key) and bool(
        await execute(session, _RECORDED, tenant=tenant_id, contact=contact_id, name=name, key=key)
    )
