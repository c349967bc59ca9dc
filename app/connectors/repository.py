"""All SQL of connectors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.stand_ins import carrier_of, meant_of
from app.connectors.state import StateChange
from app.flow.performers import connector_target
from app.lib import database
from app.models import CallIntent, Connector, ConnectorGate, ContactDevice, Message
from app.models.base import Json
from app.models.status import MessageStatus
from app.models.tenant_repository import TenantRepository
from app.models.workspace import Workspace

COUNTED = 10_000
"""Waiting messages are counted up to here."""

# Somebody who sent before a pause may still report that the server is away: that is no news, and no end of the pause.
# Answers those whose state is another one now.
CHANGE = """
with same as (
  select c.tenant_id, c.id, c.state as was from connectors me join connectors c
    on c.tenant_id = me.tenant_id and (c.id = me.id or (%(shared)s and c.server = me.server and c.state <> 'paused'))
  where me.id = %(id)s and me.tenant_id = %(tenant)s and me.updated_at = %(as_of)s order by c.id for no key update of c),
changed as (
  update connectors c set state = %(state)s, state_message = %(words)s,
    state_since = case when was = %(state)s then c.state_since else clock_now() end,
    failures = case when %(state)s = 'away' then least(c.failures + 1, 20) else c.failures end,
    probe_at = case %(state)s when 'ok' then clock_now() when 'away' then clock_now() + interval '1 second'
      * greatest(%(wait)s, least(%(pause)s * 2 ^ c.failures, %(longest)s) * (0.75 + (select random()) / 4)) end,
    room = case when %(state)s <> 'paused' then 1 end
  from same where c.tenant_id = same.tenant_id and c.id = same.id and (was <> %(state)s or %(again)s) and (was <> 'paused' or %(by_hand)s)
  returning c.id, was)
select id from changed where was <> %(state)s
"""

# The pause after a server that works again as it should is a short one again.
ROOM = """
update connectors c set room = %(room)s::smallint, failures = case when %(room)s::smallint is null then 0 else c.failures end
from connectors me where me.id = %(id)s and me.tenant_id = %(tenant)s and me.state = 'ok'
  and c.tenant_id = me.tenant_id and c.server = me.server and c.state = 'ok'
"""


class ConnectorRepository(TenantRepository[Connector]):
    """The connectors of a workspace, and the messages that wait for them."""

    model = Connector

    async def find_by_name(self, name: str) -> Connector | None:
        return await self.get_one_or_none(Connector.name == name)

    async def default(self, channel: int) -> Connector | None:
        """The connector by which messages of a channel leave whose step names none."""
        return await self.get_one_or_none(Connector.channel == channel, Connector.is_default.is_(True))

    async def meant(self, channel: int, connector_id: str) -> Connector | None:
        """The connector by which a message of a channel leaves whose step names this one; empty: whose step names none."""
        rows = await self.session.scalars(select(Connector).where(self.own, Connector.channel == channel))
        return meant_of(rows.all(), connector_id)

    async def carrying(self, channel: int, connector_id: str) -> tuple[Connector, Connector] | None:
        """The connector that is meant, and the one by which the message leaves now: one that stands in while the first does not work."""
        rows = (await self.session.scalars(select(Connector).where(self.own, Connector.channel == channel))).all()
        first = meant_of(rows, connector_id)
        if first is None:
            return None
        by = carrier_of(first, {row.id: row for row in rows})
        return first, next(row for row in rows if row.id == by.id)

    async def clear_default(self, channel: int) -> None:
        await self.session.execute(
            update(Connector)
            .where(self.own, Connector.channel == channel, Connector.is_default)
            .values(is_default=False)
        )

    async def lock_workspace(self) -> None:
        """One change of the default at a time. Whoever writes a row of the workspace meanwhile does not wait for it."""
        one = select(Workspace.id).where(Workspace.id == self.tenant_id).with_for_update(key_share=True)
        await self.session.execute(one)

    async def forget_failures(self, connector_id: UUID) -> None:
        """What was counted and its access token count no longer. Workers lock a gate before its connector, so this comes first."""
        await self.session.execute(
            update(ConnectorGate)
            .where(ConnectorGate.tenant_id == self.tenant_id, ConnectorGate.connector_id == connector_id)
            .values(
                failures_in_row=0,
                refused_request=None,
                refusals_in_row=0,
                renewal_cut_at=None,
                access_token=None,
                access_token_until=None,
            )
        )

    async def last_used(self, connectors: Sequence[UUID]) -> dict[UUID, datetime]:
        """When a call or message last began by each of these, to the minute; those that were never used are missing."""
        query = select(ConnectorGate.connector_id, ConnectorGate.used_at).where(
            ConnectorGate.tenant_id == self.tenant_id,
            ConnectorGate.connector_id.in_(connectors),
            ConnectorGate.used_at.is_not(None),
        )
        return {row[0]: row[1] for row in (await self.session.execute(query)).all() if row[1]}

    def _browsers(self, connector_id: UUID) -> tuple[ColumnElement[bool], ...]:
        """Devices that take what is signed with this connector's key and nothing else (RFC 8292): an app's token says nothing of that."""
        return (
            ContactDevice.tenant_id == self.tenant_id,
            ContactDevice.connector_id == connector_id,
            ContactDevice.keys.is_not(None),
        )

    async def count_browsers(self, connector_id: UUID) -> int:
        """How many browsers subscribed by this connector, up to COUNTED: no other reaches them."""
        rows = select(ContactDevice.id).where(*self._browsers(connector_id)).limit(COUNTED).subquery()
        return (await self.session.scalars(select(func.count()).select_from(rows))).one()

    async def remove(self, connector: Connector) -> None:
        """The connector, and the browsers that nothing reaches without it."""
        await self.session.execute(delete(ContactDevice).where(*self._browsers(connector.id)))
        await self.delete(connector)

    async def calls_waiting(self, connectors: Sequence[UUID]) -> dict[UUID, int]:
        """How many calls wait for each of these services, up to COUNTED."""
        counts = {}
        for connector_id in connectors:
            rows = (
                select(CallIntent.run_id)
                .where(
                    CallIntent.tenant_id == self.tenant_id,
                    CallIntent.target == connector_target(connector_id),
                    CallIntent.lease_until.is_(None),
                )
                .limit(COUNTED)
                .subquery()
            )
            counts[connector_id] = (await self.session.scalars(select(func.count()).select_from(rows))).one()
        return counts

    async def waiting(self, connectors: Sequence[UUID]) -> dict[UUID, int]:
        """How many messages wait for each of these connectors, up to COUNTED. For those that are not ok: there it is worth a scan."""
        return {
            connector_id: await self._count_queued(Message.connector_id == connector_id) for connector_id in connectors
        }

    async def waiting_for_any(self) -> int:
        """How many messages are held because the workspace has no connector for them, up to COUNTED."""
        return await self._count_queued(
            Message.due_at.is_(None), Message.connector_id.is_(None), Message.reason == "no_connector"
        )

    async def _count_queued(self, *where: ColumnElement[bool]) -> int:
        queued = (Message.tenant_id == self.tenant_id, Message.status == int(MessageStatus.QUEUED))
        rows = select(Message.run_id).where(*queued, *where).limit(COUNTED).subquery()
        return (await self.session.scalars(select(func.count()).select_from(rows))).one()


async def with_other_seals(
    session: AsyncSession, after: tuple[int, UUID] | None, seal: bytes, limit: int = 200
) -> Sequence[tuple[int, UUID, str, Json, bytes]]:
    """(workspace, id, type, settings, secret) of connectors of all workspaces whose secret does not begin with `seal`, by key after
    `after`."""
    query = (
        select(Connector.tenant_id, Connector.id, Connector.type, Connector.config, Connector.secret)
        .where(Connector.secret.is_not(None), func.substring(Connector.secret, 1, len(seal)) != seal)
        .order_by(Connector.tenant_id, Connector.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if after is not None:
        query = query.where(tuple_(Connector.tenant_id, Connector.id) > after)
    return [(row[0], row[1], row[2], row[3], row[4] or b"") for row in (await session.execute(query)).all()]


async def count_other_seals(session: AsyncSession, seal: bytes) -> int:
    """Connectors of all workspaces whose secret does not begin with `seal`."""
    columns = (Connector.secret, Connector.callback_secret, Connector.consent)
    other = or_(*(func.substring(column, 1, len(seal)) != seal for column in columns))  # never true of null
    return await session.scalar(select(func.count()).select_from(Connector).where(other)) or 0


async def callback_secrets_sealed_otherwise(session: AsyncSession, seal: bytes) -> Sequence[tuple[int, UUID, bytes]]:
    """(workspace, id, secret) of connectors whose callback secret does not begin with `seal`, some hundred at a time."""
    query = (
        select(Connector.tenant_id, Connector.id, Connector.callback_secret)
        .where(Connector.callback_secret.is_not(None), func.substring(Connector.callback_secret, 1, len(seal)) != seal)
        .limit(500)
    )
    return [(row[0], row[1], row[2] or b"") for row in (await session.execute(query)).all()]


async def consents_sealed_otherwise(session: AsyncSession, seal: bytes) -> Sequence[tuple[int, UUID, str, Json, bytes]]:
    """(workspace, id, type, settings, grant) of connectors whose grant does not begin with `seal`, some hundred at a time."""
    query = (
        select(Connector.tenant_id, Connector.id, Connector.type, Connector.config, Connector.consent)
        .where(Connector.consent.is_not(None), func.substring(Connector.consent, 1, len(seal)) != seal)
        .limit(500)
    )
    return [(row[0], row[1], row[2], row[3], row[4] or b"") for row in (await session.execute(query)).all()]


async def replace_consent(session: AsyncSession, tenant_id: int, connector_id: UUID, old: bytes, new: bytes) -> int:
    """The same grant in another seal. Returns 0 when it was renewed meanwhile: then it is sealed as new ones are."""
    sql = "update connectors set consent = %(new)s where tenant_id = %(tenant)s and id = %(id)s and consent = %(old)s returning id"
    return len(await database.execute(session, sql, tenant=tenant_id, id=connector_id, old=old, new=new))


async def replace_callback_secret(
    session: AsyncSession, tenant_id: int, connector_id: UUID, old: bytes, new: bytes
) -> int:
    """The same callback secret in another seal. Returns 0 when it was changed meanwhile."""
    sql = """
    update connectors set callback_secret = %(new)s where tenant_id = %(tenant)s and id = %(id)s and callback_secret = %(old)s
    returning id
    """
    return len(await database.execute(session, sql, tenant=tenant_id, id=connector_id, old=old, new=new))


async def replace_secret(
    session: AsyncSession, tenant_id: int, connector_id: UUID, old: bytes, new: bytes | None
) -> int:
    """The same password in another seal: no change, so its time of change stays. Returns 0 when it was changed meanwhile."""
    sql = """
    update connectors set secret = %(new)s where tenant_id = %(tenant)s and id = %(id)s and secret = %(old)s returning id
    """
    return len(await database.execute(session, sql, tenant=tenant_id, id=connector_id, old=old, new=new))


async def change_state(session: AsyncSession, change: StateChange) -> bool:
    """Write it, if it is news. False: the settings were changed meanwhile, or it is so already."""
    return bool(await database.execute(session, CHANGE, **change.parameters))
