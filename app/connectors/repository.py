"""All SQL of connectors."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Connector
from app.models.workspace import Workspace


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
