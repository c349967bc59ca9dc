"""Turns counters into the numbers that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.repository import ContactRepository
from app.counters.message_counters import FAILED, PREFIX
from app.counters.parked_run_repository import MOST
from app.counters.port_keys import port_of_key
from app.counters.report_counters import REPORTED
from app.counters.run_counter_repository import RunCounterRepository
from app.counters.run_counters import SECONDS, Counters, Totals, ended
from app.counters.variant_counters import PREFIX as OF_VARIANTS
from app.errors import NotFound
from app.flow.document import ERROR
from app.flow.entry_reasons import reason_text
from app.insights import activity, activity_repository
from app.insights.activity import Today
from app.insights.decision_repository import DecisionRow, EntryDecisionRepository
from app.insights.repository import InsightRepository, RefusalRepository
from app.insights.schemas import (
    EntryDecision,
    MessageStats,
    NodeStats,
    Overview,
    PublishedVersion,
    RefusedEntry,
    Setup,
    UpcomingWaits,
    WorkflowPulse,
    WorkflowStats,
)
from app.insights.variants import variant_stats
from app.lib import clock
from app.lib.translation import gettext
from app.lib.zones import zone_of
from app.models import Contact, Workflow
from app.models.status import WorkflowStatus
from app.troubles import service as troubles
from app.values.contact_view import name_of
from app.web.pagination import Page, clamp_limit
from app.workflows.repository import VersionRepository, WorkflowRepository

EARLY = {"goal", "exited", "cancelled"}
LISTED = 6
DUE_HOURS, MOST_WORKFLOWS = 24, 200
"""Hours that Home looks ahead, and workflows whose waits are added up."""
COUNTED, LEAST_COUNTED = 50_000, 100
"""Waits of all workflows together that are looked at, and of each one at least."""


class InsightService:
    """The numbers of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session = session
        self._reading_timezone = principal.reading_timezone
        self._runs = InsightRepository(session, principal.tenant_id)
        self._refusals = RefusalRepository(session, principal.tenant_id)
        self._decisions = EntryDecisionRepository(session, principal.tenant_id)
        self._contacts = ContactRepository(session, principal.tenant_id)
        self._workflows = WorkflowRepository(session, principal.tenant_id)
        self._versions = VersionRepository(session, principal.tenant_id)
        self._counters = RunCounterRepository(session, principal.tenant_id)

    async def of_workflow(self, workflow_id: UUID, version: int | None = None) -> WorkflowStats:
        """All numbers of one workflow, of all its versions or of one. Raises NotFound."""
        await self._known(workflow_id)
        by_node = await self._counters.of_nodes(workflow_id, version)
        runs = by_node.pop("", {})
        nodes = {node_id: _node_stats(counters) for node_id, counters in by_node.items()}
        messages = MessageStats()
        for stats in nodes.values():
            if stats.messages:
                messages.add(stats.messages)
                stats.messages.rate()
        messages.rate()
        totals, ended_runs = Totals.of(runs), ended(runs)
        return WorkflowStats(
            workflow_id=workflow_id,
            version=version,
            total_runs=totals.total_runs,
            running_runs=totals.running_runs,
            completed_runs=totals.completed_runs,
            failed_runs=totals.failed_runs,
            goal_reached_runs=totals.goal_reached_runs,
            exited_runs=totals.exited_runs,
            cancelled_runs=totals.cancelled_runs,
            conversion_rate=round(100 * totals.goal_reached_runs / ended_runs, 2) if ended_runs else 0.0,
            avg_duration=round(runs.get(SECONDS, 0) / ended_runs) if ended_runs else 0,
            messages=messages,
            node_stats={node_id: stats for node_id, stats in nodes.items() if stats.executed or stats.waiting},
        )

    async def refusals(self, workflow_id: UUID, limit: int | None, cursor: str | None = None) -> Page[RefusedEntry]:
        """Whom a workflow did not let in, the last first, with a contact or without. Raises NotFound."""
        await self._known(workflow_id)
        page = await self._refusals.newest(workflow_id, cursor, clamp_limit(limit))
        contact_ids = {row.contact_id for row in page.items if row.contact_id}
        contacts = await self._contacts.list(Contact.id.in_(contact_ids)) if contact_ids else ()
        names = {contact.id: name_of(contact) for contact in contacts}
        entries = [
            RefusedEntry(
                at=row.at,
                last_at=row.last_at or row.at,
                times=row.times,
                reason=row.reason,
                message=reason_text(row.reason, row.detail),
                contact_id=row.contact_id,
                contact_name=names.get(row.contact_id) if row.contact_id else None,
                event_id=row.event_id,
                trigger_id=row.trigger_id,
            )
            for row in page.items
        ]
        return Page(entries, page.next_cursor)

    async def decisions(
        self, workflow_id: UUID, contact_id: UUID, limit: int | None, cursor: str | None = None
    ) -> Page[EntryDecision]:
        """What a workflow decided about a contact, the last first. Raises NotFound."""
        await self._known(workflow_id)
        page = await self._decisions.newest(workflow_id, contact_id, cursor, clamp_limit(limit))
        return Page([_decision(row) for row in page.items], page.next_cursor)

    async def waiting(self, workflow_id: UUID) -> int:
        """How many wait for their turn to enter; more than `MOST_WAITING` are not counted."""
        return await self._decisions.waiting(workflow_id)

    async def _known(self, workflow_id: UUID) -> None:
        if not await self._workflows.exists(Workflow.id == workflow_id):
            raise NotFound(gettext("This workflow does not exist in your workspace."), code="workflow_not_found")

    async def running(self, limit: int) -> Sequence[Workflow]:
        """Active workflows, last changed first."""
        active = Workflow.status == WorkflowStatus.ACTIVE.value
        return await self._workflows.list(active, order_by=[Workflow.updated_at.desc()], limit=limit)

    async def pulses(self) -> dict[UUID, WorkflowPulse]:
        """Entered, in flow and ended of all workflows in one query; workflows without runs are missing."""
        by_workflow = await self._counters.of_workflows()
        return {workflow_id: _pulse(workflow_id, counters) for workflow_id, counters in by_workflow.items()}

    async def overview(self) -> Overview:
        """What runs, what is wrong and what is due within the day, in two dozen small queries."""
        now, tenant_id = clock.now(), self._runs.tenant_id
        connector, contact, template, statuses = await self._runs.has_setup()
        pulse = await self.pulses()
        due, due_by_hour = await self._due(now, statuses.get("active", 0))
        return Overview(
            active_workflows=statuses.get("active", 0),
            paused_workflows=statuses.get("paused", 0),
            draft_workflows=statuses.get("draft", 0),
            in_flow=sum(p.in_flow for p in pulse.values()),
            entered=sum(p.entered for p in pulse.values()),
            completed=sum(p.completed for p in pulse.values()),
            failed=sum(p.failed for p in pulse.values()),
            goal_reached=sum(p.goal_reached for p in pulse.values()),
            messages=_together(pulse),
            troubles=await troubles.of_everything(
                self._session, tenant_id, {key: one.in_flow for key, one in pulse.items()}
            ),
            due=sorted(due[:LISTED], key=lambda waits: waits.first_at),
            due_by_hour=due_by_hour,
            today=await self._today(now, pulse.values()),
            publications=[
                PublishedVersion(
                    workflow_id=version.workflow_id,
                    workflow_name=name,
                    version=version.version,
                    author=version.author,
                    note=version.changelog or "",
                    at=version.created_at,
                )
                for version, name in await self._versions.last_published(LISTED)
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

    async def _due(self, now: datetime, active: int) -> tuple[list[UpcomingWaits], list[int]]:
        """By workflow, the fullest first, and how many in each of the next hours of all together."""
        most = min(MOST, max(LEAST_COUNTED, COUNTED // max(1, active)))
        waits, by_hour = [], [0] * DUE_HOURS
        for workflow_id, name, count, first_at, until in await self._runs.due(now, DUE_HOURS, MOST_WORKFLOWS, most):
            waits.append(
                UpcomingWaits(
                    workflow_id=workflow_id,
                    workflow_name=name,
                    count=count,
                    next_hour=until[0],
                    at_least=count >= most,
                    first_at=first_at,
                )
            )
            for hour, (before, after) in enumerate(pairwise([0, *until])):
                by_hour[hour] += after - before
        return waits, by_hour

    async def _today(self, now: datetime, pulses: Iterable[WorkflowPulse]) -> Today | None:
        """What was done since the reader's midnight, beside what usually is."""
        zone = zone_of(self._reading_timezone)
        spans = activity.spans_of(now, zone)
        made_at, known = await activity_repository.totals_in(self._session, self._runs.tenant_id, spans)
        sums = [(p.entered, p.completed, p.failures, p.goal_reached, p.messages.sent) for p in pulses]
        amounts = tuple(sum(column) for column in zip(*sums, strict=True)) or activity.NOTHING
        return activity.day_so_far(now, zone, made_at, known, amounts)


def _decision(row: DecisionRow) -> EntryDecision:
    words = {"entered": gettext("It entered."), "waiting": gettext("It waits for its turn to enter.")}
    return EntryDecision(
        decision=row.decision,
        at=row.at,
        first_at=row.first_at,
        times=row.times,
        reason=row.reason,
        message=words.get(row.decision) or reason_text(row.reason or "", row.detail),
        trigger_id=row.trigger_id,
        run_id=row.run_id,
        event_id=row.event_id,
        version=row.version,
    )


def _node_stats(counters: Counters) -> NodeStats:
    stats = NodeStats(variants=variant_stats(counters))
    for key, count in counters.items():
        if not key.startswith(OF_VARIANTS):
            _add(stats, key, count)
    if stats.messages:
        stats.succeeded = stats.messages.sent
    return stats


def _add(stats: NodeStats, key: str, count: int) -> None:
    if key.startswith(PREFIX):
        stats.messages = stats.messages or MessageStats()
        _add_messages(stats.messages, key, count)
        # The run that waited for its message left by `error`, and is counted there.
        stats.failed += count if key == FAILED else 0
    elif key == "waiting":
        stats.waiting += count
    else:
        stats.executed += count
        if key in EARLY:
            stats.left_early += count
        elif key != "failed":
            port = port_of_key(key)
            stats.ports[port] = stats.ports.get(port, 0) + count
        if key in ("failed", ERROR):
            stats.failed += count
        elif key not in EARLY:
            stats.succeeded += count


def _add_messages(stats: MessageStats, key: str, count: int) -> None:
    word, _, detail = key.removeprefix(PREFIX).partition(".")
    if key.startswith(REPORTED):
        setattr(stats.reports, detail, getattr(stats.reports, detail, 0) + count)
        return
    setattr(stats, word, getattr(stats, word) + count)
    if word == "suppressed" and detail:
        stats.suppressed_by[detail] = stats.suppressed_by.get(detail, 0) + count


def _pulse(workflow_id: UUID, counters: Counters) -> WorkflowPulse:
    messages = MessageStats()
    for key, count in counters.items():
        if key.startswith(PREFIX):
            _add_messages(messages, key, count)
    totals = Totals.of(counters)
    return WorkflowPulse(
        workflow_id=workflow_id,
        entered=totals.total_runs,
        in_flow=totals.running_runs,
        completed=totals.completed_runs,
        failed=totals.failed_runs,
        failures=counters.get("failed", 0),
        goal_reached=totals.goal_reached_runs,
        messages=messages,
    )


def _together(pulse: dict[UUID, WorkflowPulse]) -> MessageStats:
    total = MessageStats()
    for one in pulse.values():
        total.add(one.messages)
    return total
