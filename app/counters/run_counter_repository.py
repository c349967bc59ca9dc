"""SQL of the roll-up counters of runs. Every number is a sum over the shards that processes write; history is never counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.message_counters import PREFIX
from app.counters.run_counters import ENDS, ENTERED, GONE_ON, OF_WORKFLOW
from app.models import NodeStat
from app.models.tenant_repository import TenantRepository


class RunCounterRepository(TenantRepository[NodeStat]):
    """The counters of one workspace."""

    model = NodeStat

    async def of_workflows(self, workflow_ids: Iterable[UUID] | None = None) -> dict[UUID, dict[str, int]]:
        """Counters of runs and messages of several workflows, of all without ids; workflows that had no run are missing."""
        where: list[ColumnElement[bool]] = [OF_WORKFLOW | NodeStat.key.startswith(PREFIX)]
        if workflow_ids is not None:
            where.append(NodeStat.workflow_id.in_(list(workflow_ids)))
        return await self._sums(NodeStat.workflow_id, *where)

    async def of_runs(self, workflow_ids: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
        """Counters of runs alone, of several workflows."""
        return await self._sums(NodeStat.workflow_id, OF_WORKFLOW, NodeStat.workflow_id.in_(list(workflow_ids)))

    async def of_versions(self, workflow_id: UUID) -> dict[int, dict[str, int]]:
        """Counters of runs of one workflow, by version."""
        return await self._sums(NodeStat.version, NodeStat.workflow_id == workflow_id, OF_WORKFLOW)

    async def of_nodes(self, workflow_id: UUID, version: int | None = None) -> dict[str, dict[str, int]]:
        """All counters of one workflow, or of one version, by node; those of its runs under ''."""
        where: list[ColumnElement[bool]] = [NodeStat.workflow_id == workflow_id]
        if version is not None:
            where.append(NodeStat.version == version)
        return await self._sums(NodeStat.node_id, *where)

    async def _sums(self, column: Any, *where: ColumnElement[bool]) -> dict[Any, dict[str, int]]:
        query = select(column, NodeStat.key, func.sum(NodeStat.n)).where(self.own, *where)
        query = query.group_by(column, NodeStat.key)
        sums: dict[Any, dict[str, int]] = {}
        for owner, key, number in (await self.session.execute(query)).all():
            sums.setdefault(owner, {})[key] = int(number)
        return sums


async def of_installation(session: AsyncSession) -> dict[str, int]:
    """Counters of runs of all workspaces together: entered, each end, and the runs that go on as others."""
    query = (
        select(NodeStat.key, func.sum(NodeStat.n))
        .where(OF_WORKFLOW, NodeStat.key.in_((ENTERED, *GONE_ON, *ENDS)))
        .group_by(NodeStat.key)
    )
    return {key: int(number) for key, number in (await session.execute(query)).all()}
