"""Rows that a workflow's file names, by id and by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Connector, Segment, Template, Workflow
from app.workflows.repository import not_deleted

MODELS: dict[str, Any] = {"templates": Template, "segments": Segment, "connectors": Connector, "workflows": Workflow}
"""Part of `uses` → table."""


class UsedRowRepository:
    """Of one workspace, each question one query."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    async def with_ids(self, part: str, ids: Collection[UUID]) -> Sequence[Any]:
        """Those rows of a part that are there."""
        model = MODELS[part]
        query = select(model).where(model.tenant_id == self.tenant_id, model.id.in_(list(ids)), *not_deleted(model))
        return (await self.session.scalars(query)).all() if ids else ()

    async def called(self, part: str, names: Collection[str]) -> Sequence[Any]:
        """Rows of a part that are called so, the oldest first."""
        model = MODELS[part]
        query = select(model).where(model.tenant_id == self.tenant_id, model.name.in_(list(names)), *not_deleted(model))
        return (await self.session.scalars(query.order_by(model.id))).all() if names else ()

    async def connectors_of(self, types: Collection[str]) -> Sequence[Connector]:
        """Connectors of these types, the oldest first."""
        query = select(Connector).where(Connector.tenant_id == self.tenant_id, Connector.type.in_(list(types)))
        return (await self.session.scalars(query.order_by(Connector.id))).all() if types else ()
