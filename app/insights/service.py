"""Turns counters into the numbers that people read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.insights.repository import InsightRepository
from app.insights.schemas import Due, Failure, NodeStats, Overview, WorkflowPulse, WorkflowStats
from app.lib import clock

ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
NOT_PORTS = {"waiting", "failed", "goal", "exited", "cancelled"}
LISTED = 6


async def workflow_stats(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, version: int | None = None
) -> WorkflowStats:
    """All numbers of one workflow, of all its versions or of one. Raises NotFound."""
    insights = InsightRepository(session, tenant_id)
    if not await insights.workflow_exists(workflow_id):
        raise NotFound("This workflow does not exist in your workspace.", code="workflow_not_found")
    total: dict[str, int] = defaultdict(int)
    nodes: dict[str, NodeStats] = defaultdict(NodeStats)
    for node_id, key, raw in await insights.counters(workflow_id, version):
        count = int(raw)
        if node_id:
            _add(nodes[node_id], key, count)
        else:
            total[key] += count
    ended = sum(total[key] for key in ENDS)
    return WorkflowStats(
        workflow_id=workflow_id,
        version=version,
        total_runs=total["entered"],
        running_runs=total["entered"] - ended,
        completed_runs=total["completed"],
        failed_runs=total["failed"],
        goal_reached_runs=total["goal_reached"],
        exited_runs=total["exited"],
        cancelled_runs=total["cancelled"],
        conversion_rate=round(100 * total["goal_reached"] / ended, 2) if ended else 0.0,
        avg_duration=round(total["seconds"] / ended) if ended else 0,
        node_stats={node_id: stats for node_id, stats in nodes.items() if stats.executed or stats.waiting},
    )


def _add(stats: NodeStats, key: str, count: int) -> None:
    if key == "waiting":
        stats.waiting += count
        return
    stats.executed += count
    if key == "failed":
        stats.failed += count
    elif key not in NOT_PORTS:
        stats.succeeded += count
        stats.ports[key] = stats.ports.get(key, 0) + count


async def pulses(
    session: AsyncSession, tenant_id: int, workflow_ids: Sequence[UUID] | None = None
) -> dict[UUID, WorkflowPulse]:
    """Entered, in flow and ended of several workflows in one query; workflows without runs are missing."""
    counts: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for workflow_id, key, raw in await InsightRepository(session, tenant_id).workflow_counters(workflow_ids):
        counts[workflow_id][key] += int(raw)
    return {
        workflow_id: WorkflowPulse(
            workflow_id=workflow_id,
            entered=total["entered"],
            in_flow=total["entered"] - sum(total[key] for key in ENDS),
            completed=total["completed"],
            failed=total["failed"],
            goal_reached=total["goal_reached"],
        )
        for workflow_id, total in counts.items()
    }


async def overview(session: AsyncSession, tenant_id: int) -> Overview:
    """What runs, what is wrong and what is due within the hour, in seven small queries."""
    insights, now = InsightRepository(session, tenant_id), clock.now()
    statuses = await insights.workflows_by_status()
    pulse = await pulses(session, tenant_id)
    return Overview(
        active_workflows=statuses.get("active", 0),
        paused_workflows=statuses.get("paused", 0),
        draft_workflows=statuses.get("draft", 0),
        in_flow=sum(p.in_flow for p in pulse.values()),
        entered=sum(p.entered for p in pulse.values()),
        goal_reached=sum(p.goal_reached for p in pulse.values()),
        messages_queued=await insights.messages_queued(),
        failures=[
            Failure(
                run_id=run.id,
                workflow_id=run.workflow_id,
                workflow_name=name,
                contact_id=run.contact_id,
                node_id=run.current_node_id,
                error_message=run.error_message or "",
                at=run.completed_at or run.started_at,
            )
            for run, name in await insights.failures(LISTED)
        ],
        due=[
            Due(workflow_id=workflow_id, workflow_name=name, count=count, first_at=first_at)
            for workflow_id, name, count, first_at in await insights.due(now, now + timedelta(hours=1), LISTED)
        ],
        pulses=pulse,
    )
