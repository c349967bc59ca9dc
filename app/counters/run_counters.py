"""How many runs workflows had and have: the one reader of the roll-up counters in `node_stats`. History is never counted.

The engine adds to them in the transaction of what it counts, each process to a shard of its own; every number here is a sum over
the shards. The counters of messages (`app.counters.message_counters`) stand beside those of runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.message_counters import FAILED, PREFIX, UNCERTAIN
from app.models import NodeStat

ENTERED = "entered"
ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
"""The counters of runs that are over, by how they ended."""
OF_WORKFLOW = NodeStat.node_id == ""
"""Rows that count runs of a whole workflow; the others count what passed one node."""
SECONDS = "seconds"
"""How long the runs that are over took, all together."""

Counters = Mapping[str, int]


def running(counters: Counters) -> int:
    """Runs that have not ended, waiting ones too."""
    return max(0, counters.get(ENTERED, 0) - ended(counters))


def ended(counters: Counters) -> int:
    return sum(counters.get(key, 0) for key in ENDS)


RUNNING: ColumnElement[int] = func.sum(
    case((NodeStat.key == ENTERED, NodeStat.n), (NodeStat.key.in_(ENDS), -NodeStat.n), else_=0)
)
"""`running` in SQL, over rows OF_WORKFLOW."""
RUNNING_SQL = f"sum(case when s.key = '{ENTERED}' then s.n when s.key in {ENDS} then -s.n else 0 end)"
"""The same for a statement in text, over rows `s` of `node_stats` whose `node_id` is empty."""


class Totals(msgspec.Struct, rename="camel", kw_only=True):
    """Runs since the workflow exists (or of one version). `runningRuns` are all that have not ended, waiting ones too.

    The messages of all its steps: those that failed, and those of which nobody knows whether they left.
    """

    total_runs: int = 0
    running_runs: int = 0
    completed_runs: int = 0
    failed_runs: int = 0
    goal_reached_runs: int = 0
    exited_runs: int = 0
    cancelled_runs: int = 0
    failed_messages: int = 0
    uncertain_messages: int = 0

    @classmethod
    def of(cls, counters: Counters) -> Totals:
        """From the workflow's own counters (`entered`, `completed`, `failed` …) and those of its messages (`message.failed` …)."""
        return cls(
            total_runs=counters.get(ENTERED, 0),
            running_runs=running(counters),
            **{f"{key}_runs": counters.get(key, 0) for key in ENDS},
            failed_messages=sum(n for key, n in counters.items() if key.startswith(FAILED)),
            uncertain_messages=counters.get(UNCERTAIN, 0),
        )


class RunCounters:
    """The counters of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def of_workflows(self, workflow_ids: Iterable[UUID] | None = None) -> dict[UUID, dict[str, int]]:
        """Counters of runs and messages of several workflows, of all without ids; workflows that had no run are missing."""
        where: list[ColumnElement[bool]] = [OF_WORKFLOW | NodeStat.key.startswith(PREFIX)]
        if workflow_ids is not None:
            where.append(NodeStat.workflow_id.in_(list(workflow_ids)))
        return await self._sums(NodeStat.workflow_id, *where)

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
        query = (
            select(column, NodeStat.key, func.sum(NodeStat.n))
            .where(NodeStat.tenant_id == self._tenant_id, *where)
            .group_by(column, NodeStat.key)
        )
        sums: dict[Any, dict[str, int]] = {}
        for owner, key, number in (await self._session.execute(query)).all():
            sums.setdefault(owner, {})[key] = int(number)
        return sums


async def of_installation(session: AsyncSession) -> dict[str, int]:
    """Counters of runs of all workspaces together: entered, and each end."""
    query = (
        select(NodeStat.key, func.sum(NodeStat.n))
        .where(OF_WORKFLOW, NodeStat.key.in_((ENTERED, *ENDS)))
        .group_by(NodeStat.key)
    )
    return {key: int(number) for key, number in (await session.execute(query)).all()}
