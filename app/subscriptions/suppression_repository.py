"""The store of the suppression list: which addresses must not be written to, since when, why, and who lifted it.

One row an address, for good: lifting marks it, and what happens to the address later takes the mark away again. Addresses are
kept in the form of `addresses.comparable`. Both drivers use the statements here, so that there is one rule of what outweighs what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.database import execute
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.models import Contact, Suppression
from app.models.status import Channel
from app.subscriptions.permission import REASONS, SPOKEN, SuppressionEntry

_OUTWEIGHED = ", ".join(f"'{reason}'" for reason in REASONS if reason not in SPOKEN)
_RANK = "array_position(array['{}'], {{}})".format("','".join(REASONS))
_WEIGHTIER = f"""
(s.lifted_at is not null or {_RANK.format("excluded.reason")} < coalesce({_RANK.format("s.reason")}, 99))
"""
PUT = f"""
insert into suppressions as s (tenant_id, channel, address, reason, detail, at, barred)
select %(tenant)s, %(channel)s, v.address, v.reason, v.detail, clock_now(), v.reason in ({_OUTWEIGHED})
from unnest(%(addresses)s::text[], %(reasons)s::text[], %(details)s::text[]) as v(address, reason, detail)
order by v.address
on conflict (tenant_id, channel, address) do update set
  reason = case when {_WEIGHTIER} then excluded.reason else s.reason end, at = case when {_WEIGHTIER} then excluded.at else s.at end,
  detail = case when s.lifted_at is null then concat_ws(' · ', excluded.detail, s.detail) else excluded.detail end,
  barred = excluded.barred or (s.lifted_at is null and s.barred),
  lifted_at = null, lifted_by = null, lifted_reason = null
where {_WEIGHTIER} or (excluded.barred and not s.barred)
returning s.address
"""  # noqa: S608
"""Put addresses on the list, each once. Answers those that were not there, were lifted, or were there for a lesser reason or without a
bar: a reason that is not the person's own word, and that the row keeps when a weightier reason stands in it."""

LISTED = """
select v.tenant_id, v.channel, v.address, s.reason, s.at, s.detail, s.barred
from unnest(%(tenants)s::int[], %(channels)s::int[], %(addresses)s::text[]) as v(tenant_id, channel, address)
join suppressions s on s.tenant_id = v.tenant_id and s.channel = v.channel and s.address = v.address
where s.lifted_at is null
"""
"""The entries that hold, of triples of tenant, channel and comparable address."""


ADDRESS_COLUMNS: dict[str, Any] = {
    "email": Contact.email, "phone": Contact.phone, "external_id": Contact.external_id,
}  # fmt: skip
"""The columns of a contact that can be an address, in the form in which they are compared."""


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """An address to put on the list."""

    address: str
    reason: str
    detail: str | None = None


def put_parameters(tenant_id: int, channel: int, wanted: Iterable[Put]) -> dict[str, Any]:
    """The parameters of PUT. Of an address that comes twice the weightier reason counts."""
    order, comparable = list(REASONS), registry.numbered(int(channel)).comparable
    by_address: dict[str, Put] = {}
    for entry in wanted:
        address = comparable(entry.address)
        if address not in by_address or order.index(entry.reason) < order.index(by_address[address].reason):
            by_address[address] = entry
    return {
        "tenant": tenant_id,
        "channel": int(channel),
        "addresses": list(by_address),
        "reasons": [entry.reason for entry in by_address.values()],
        "details": [_storable(entry.detail) for entry in by_address.values()],
    }


def _storable(text: str | None) -> str | None:
    """PostgreSQL takes no NUL, and a mail server may say anything."""
    return (text or "").replace("\x00", "").strip()[:1000] or None


async def put(session: AsyncSession, tenant_id: int, channel: int, wanted: Iterable[Put]) -> set[str]:
    """Put addresses on the list; the comparable forms of those for which that changed something."""
    rows = await execute(session, PUT, **put_parameters(tenant_id, channel, wanted))
    return {row.address for row in rows}


async def listed(
    session: AsyncSession, tenant_id: int, emails: Iterable[str | None], channel: int = Channel.EMAIL
) -> dict[str, SuppressionEntry]:
    """The entries that hold for these addresses, by comparable address: one query, whatever their number."""
    comparable = registry.numbered(int(channel)).comparable
    wanted = sorted({comparable(email) for email in emails if email})
    if not wanted:
        return {}
    rows = await execute(
        session, LISTED, tenants=[tenant_id] * len(wanted), channels=[int(channel)] * len(wanted), addresses=wanted
    )
    return {
        row.address: SuppressionEntry(reason=row.reason, since=row.at, detail=row.detail, barred=row.barred)
        for row in rows
    }


async def one(session: AsyncSession, tenant_id: int, channel: int, address: str) -> Suppression | None:
    """The row of an address, lifted or not, locked until the end of the transaction."""
    query = (
        select(Suppression)
        .where(
            Suppression.tenant_id == tenant_id,
            Suppression.channel == int(channel),
            Suppression.address == registry.numbered(int(channel)).comparable(address),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).first()


async def lift(
    session: AsyncSession,
    tenant_id: int,
    channel: int,
    address: str,
    *,
    by: str,
    why: str,
    reasons: Sequence[str] = tuple(REASONS),
) -> str | None:
    """Take an address off the list if it is there for one of `reasons`. Answers the reason for which it was there."""
    row = await one(session, tenant_id, channel, address)
    if row is None or row.lifted_at is not None or row.reason not in reasons:
        return None
    row.lifted_at, row.lifted_by, row.lifted_reason = clock.now(), by, _storable(why)
    await session.flush()
    return row.reason


async def contacts_at(
    session: AsyncSession, tenant_id: int, wanted: Sequence[str], channel: type[ChannelType]
) -> dict[str, UUID]:
    """The contacts that have these comparable addresses of the channel."""
    column = ADDRESS_COLUMNS[channel.identifier]
    query = select(column, Contact.id).where(Contact.tenant_id == tenant_id, column.in_(wanted))
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def some(session: AsyncSession, tenant_id: int, channel: int, wanted: Sequence[str]) -> dict[str, Suppression]:
    """The rows of these comparable addresses, as the database holds them now."""
    query = (
        select(Suppression)
        .where(
            Suppression.tenant_id == tenant_id,
            Suppression.channel == int(channel),
            Suppression.address.in_(wanted),
        )
        .execution_options(populate_existing=True)
    )
    return {row.address: row for row in (await session.scalars(query)).all()}
