"""All SQL of connectors."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.state import CHANGE, Change
from app.lib import database
from app.models import Connector, Message
from app.models.base import Json
from app.models.status import MessageStatus
from app.models.workspace import Workspace

COUNTED = 10_000
"""Waiting messages are counted up to here."""


async def find(session: AsyncSession, tenant_id: int, connector_id: UUID, *, lock: bool = False) -> Connector | None:
    """The connector; with `lock` it is held so that nothing is published with it meanwhile."""
    query = select(Connector).where(Connector.tenant_id == tenant_id, Connector.id == connector_id)
    return (await session.scalars(query.with_for_update() if lock else query)).first()


async def by_name(session: AsyncSession, tenant_id: int, name: str) -> Connector | None:
    return (
        await session.scalars(select(Connector).where(Connector.tenant_id == tenant_id, Connector.name == name))
    ).first()


async def default(session: AsyncSession, tenant_id: int, kind: str = "smtp") -> Connector | None:
    return (
        await session.scalars(
            select(Connector).where(Connector.tenant_id == tenant_id, Connector.type == kind, Connector.is_default)
        )
    ).first()


async def all_of(
    session: AsyncSession, tenant_id: int, limit: int, after: tuple[str, UUID] | None = None
) -> Sequence[Connector]:
    """Up to `limit` connectors by name, from the one after `after`."""
    query = (
        select(Connector).where(Connector.tenant_id == tenant_id).order_by(Connector.name, Connector.id).limit(limit)
    )
    if after:
        query = query.where((Connector.name > after[0]) | ((Connector.name == after[0]) & (Connector.id > after[1])))
    return (await session.scalars(query)).all()


async def count(session: AsyncSession, tenant_id: int, kind: str) -> int:
    query = select(func.count()).where(Connector.tenant_id == tenant_id, Connector.type == kind)
    return (await session.scalars(query)).one()


async def clear_default(session: AsyncSession, tenant_id: int, kind: str) -> None:
    await session.execute(
        update(Connector)
        .where(Connector.tenant_id == tenant_id, Connector.type == kind, Connector.is_default)
        .values(is_default=False)
    )


async def lock_workspace(session: AsyncSession, tenant_id: int) -> None:
    """One change of the default at a time."""
    await session.execute(select(Workspace.id).where(Workspace.id == tenant_id).with_for_update())


async def with_other_seals(
    session: AsyncSession, after: UUID | None, seal: bytes, limit: int = 200
) -> Sequence[tuple[UUID, Json, bytes]]:
    """(id, settings, secret) of connectors of all workspaces, by id after `after`, whose secret does not begin with `seal`."""
    query = (
        select(Connector.id, Connector.config, Connector.secret)
        .where(Connector.secret.is_not(None), func.substring(Connector.secret, 1, len(seal)) != seal)
        .order_by(Connector.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if after is not None:
        query = query.where(Connector.id > after)
    return [(row[0], row[1], row[2] or b"") for row in (await session.execute(query)).all()]


async def count_other_seals(session: AsyncSession, seal: bytes) -> int:
    """Connectors of all workspaces whose secret does not begin with `seal`."""
    other = func.substring(Connector.secret, 1, len(seal)) != seal
    return await session.scalar(select(func.count()).where(Connector.secret.is_not(None), other)) or 0


async def replace_secret(session: AsyncSession, connector_id: UUID, old: bytes, new: bytes | None) -> int:
    """The same password in another seal: no change, so its time of change stays. Returns 0 when it was changed meanwhile."""
    sql = "update connectors set secret = %(new)s where id = %(id)s and secret = %(old)s returning id"
    return len(await database.execute(session, sql, id=connector_id, old=old, new=new))


async def change_state(session: AsyncSession, change: Change) -> bool:
    """Write it, if it is news. False: the settings were changed meanwhile, or it is so already."""
    return bool(await database.execute(session, CHANGE, **change.parameters))


async def waiting(session: AsyncSession, tenant_id: int, connectors: Sequence[UUID]) -> dict[UUID, int]:
    """How many messages wait for each of these connectors, up to COUNTED. For those that are not ok: there it is worth a scan."""
    counts = {}
    for connector_id in connectors:
        rows = (
            select(Message.run_id)
            .where(
                Message.tenant_id == tenant_id,
                Message.connector_id == connector_id,
                Message.status == int(MessageStatus.QUEUED),
            )
            .limit(COUNTED)
            .subquery()
        )
        counts[connector_id] = (await session.scalars(select(func.count()).select_from(rows))).one()
    return counts


async def waiting_for_any(session: AsyncSession, tenant_id: int) -> int:
    """How many messages are held because the workspace has no connector for them, up to COUNTED."""
    rows = (
        select(Message.run_id)
        .where(
            Message.tenant_id == tenant_id,
            Message.status == int(MessageStatus.QUEUED),
            Message.due_at.is_(None),
            Message.connector_id.is_(None),
            Message.reason == "no_connector",
        )
        .limit(COUNTED)
        .subquery()
    )
    return (await session.scalars(select(func.count()).select_from(rows))).one()
