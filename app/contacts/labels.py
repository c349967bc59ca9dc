"""What people call attributes: the names they wrote, kept beside the names that templates and conditions read."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models.contact import AttributeLabel


async def keep(session: AsyncSession, tenant_id: int, labels: Mapping[str, str]) -> None:
    """Remember labels by the name of their attribute. One that is there stays, so that pages do not change their words."""
    if labels:
        await execute(
            session,
            """
            insert into attribute_labels (tenant_id, name, label)
            select %(tenant)s, name, label from unnest(%(names)b::text[], %(labels)b::text[]) as t(name, label)
            order by name on conflict do nothing
            """,
            tenant=tenant_id,
            names=list(labels),
            labels=list(labels.values()),
        )


async def known(session: AsyncSession, tenant_id: int) -> dict[str, str]:
    """Every label of the workspace by the name of its attribute."""
    rows = await session.execute(
        select(AttributeLabel.name, AttributeLabel.label).where(AttributeLabel.tenant_id == tenant_id)
    )
    return {row.name: row.label for row in rows}
