"""Turns counters into the numbers that people read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.insights.repository import InsightRepository
from app.insights.schemas import (
    Due,
    NodeStats,
    Overview,
    Publication,
    Setup,
    Trouble,
    WorkflowPulse,
    WorkflowStats,
)
from app.lib import clock

ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
NOT_PORTS = {"waiting", "failed", "goal", "exited", "cancelled"}
LISTED = 6
RECENT, PATIENCE = timedelta(hours=24), timedelta(minutes=1)
"""A failure is news for a day; a wait that ended a minute ago and did not go on is late."""


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
    """What runs, what is wrong and what is due within the hour, in nine small queries."""
    insights, now = InsightRepository(session, tenant_id), clock.now()
    connector, contact, template = await insights.has()
    statuses = await insights.workflows_by_status()
    pulse = await pulses(session, tenant_id)
    return Overview(
        active_workflows=statuses.get("active", 0),
        paused_workflows=statuses.get("paused", 0),
        draft_workflows=statuses.get("draft", 0),
        in_flow=sum(p.in_flow for p in pulse.values()),
        entered=sum(p.entered for p in pulse.values()),
        completed=sum(p.completed for p in pulse.values()),
        failed=sum(p.failed for p in pulse.values()),
        goal_reached=sum(p.goal_reached for p in pulse.values()),
        messages_queued=await insights.messages_queued(),
        troubles=await _troubles(insights, pulse, now),
        due=[
            Due(workflow_id=workflow_id, workflow_name=name, count=count, first_at=first_at)
            for workflow_id, name, count, first_at in await insights.due(now, now + timedelta(hours=1), LISTED)
        ],
        publications=[
            Publication(
                workflow_id=version.workflow_id,
                workflow_name=name,
                version=version.version,
                author=version.author,
                note=version.changelog or "",
                at=version.created_at,
            )
            for version, name in await insights.publications(LISTED)
        ],
        pulses=pulse,
        setup=Setup(
            connector=connector,
            contacts=contact,
            template=template,
            workflow=bool(statuses),
            active=bool(statuses.get("active") or statuses.get("paused")),
        ),
    )


async def _troubles(insights: InsightRepository, pulse: dict[UUID, WorkflowPulse], now: datetime) -> list[Trouble]:
    """Failing first (something is broken), then late (nothing moves), then paused with people inside."""
    failing = [
        Trouble(
            kind="failing",
            workflow_id=workflow_id,
            workflow_name=name,
            count=count,
            since=last,
            node_id=node_id,
            error_message=error or "",
        )
        for workflow_id, name, node_id, count, error, last in await insights.failing(now - RECENT, LISTED)
    ]
    late = [
        Trouble(kind="late", workflow_id=workflow_id, workflow_name=name, count=count, since=since)
        for workflow_id, name, count, since in await insights.late(now - PATIENCE, LISTED)
    ]
    paused = [
        Trouble(
            kind="paused",
            workflow_id=flow.id,
            workflow_name=flow.name,
            count=pulse[flow.id].in_flow,
            since=flow.updated_at,
        )
        for flow in await insights.workflows(["paused"], LISTED)
        if flow.id in pulse and pulse[flow.id].in_flow
    ]
    return [*failing, *late, *paused]
