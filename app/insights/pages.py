"""`/` (what runs, what is wrong, what is due) and `/workflows/{id}/stats` (where people got to, in numbers)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.approvals.service import ApprovalService
from app.card_title_repository import card_titles
from app.errors import Invalid
from app.flow import node_words, thumbnail
from app.flow.diff import trigger_title
from app.flow.document import ERROR, Flow, Node, Trigger
from app.flow.node_type import ERROR_PORT
from app.flow.node_words import category_of, goals_of
from app.flow.trigger_registry import summary
from app.flow.trigger_type import CATEGORY
from app.insights import home_view
from app.insights.schemas import MessageStats, NodeStats, WorkflowStats
from app.insights.service import InsightService
from app.insights.starts import started_runs
from app.lib import clock, formats
from app.lib.formats import counted, number, percent
from app.lib.translation import gettext, ngettext
from app.lib.zones import zone_of
from app.models.status import Role
from app.subscriptions.permission import reason_label
from app.troubles.kinds import KINDS, act_of, text_of, trouble_label, unit_of
from app.web.fragments import page
from app.workflows.service import WorkflowService

SHOWN = 8
QUESTIONS_SHOWN = 5
LAST_REFUSED = 10


@get("/", role=Role.VIEWER)
async def home(
    request: AppRequest, insights: NamedDependency[InsightService], approvals: NamedDependency[ApprovalService]
) -> Template:
    """The first page after signing in."""
    overview, now, zone = await insights.overview(), clock.now(), zone_of(request.user.reading_timezone)
    sentence, line = home_view.situation(overview)
    running = await insights.running(SHOWN)
    flows = {workflow.id: Flow.load(workflow.draft) for workflow in running}
    return page(
        request,
        "insights/home.html",
        block="live",
        overview=overview,
        questions=await approvals.for_reader(QUESTIONS_SHOWN),
        kinds=KINDS,
        trouble_label=trouble_label,
        unit_of=unit_of,
        text_of=text_of,
        act_of=act_of,
        sentence=sentence,
        line=line,
        measures=home_view.measures(overview.today, overview.messages.sent, now) if overview.today else [],
        bars=home_view.bars(overview.due_by_hour),
        weekday=home_view.weekday(overview.today.weekday, zone) if overview.today else "",
        running=running,
        thumbnails={key: thumbnail.draw(flow, category_of) for key, flow in flows.items()},
        triggers={key: summary(flow.triggers) for key, flow in flows.items()},
        goals={key: bool(goals_of(flow)) for key, flow in flows.items()},
    )


REPORT_WORDS = (
    ("delivered", "ok"), ("opened", "accent"), ("clicked", "accent"), ("replied", "ch-2"), ("bounced", "err"), ("failed", "err"),
    ("complained", "err"), ("unsubscribed", "warn"),
)  # fmt: skip
"""What providers report, in the order of pages, with the colour of its bar."""


class Stage(msgspec.Struct, frozen=True):
    """One line of the funnel: who arrived at a step and where they went."""

    node_id: str
    type: str
    title: str
    kind: str
    category: str
    indent: int
    arrived: int
    went_on: int
    waiting: int
    failed: int
    outflow: str


def message_words(messages: MessageStats | None) -> list[str]:
    """The messages of a step by status: `12 sent`, `2 failed`, `3 suppressed (opted out)`."""
    if messages is None:
        return []
    names = ("sent", "queued", "failed", "uncertain", "suppressed")
    parts = [
        f"{number(getattr(messages, name))} {formats.inline(formats.words(name))}"
        for name in names
        if getattr(messages, name)
    ]
    if messages.suppressed_by:
        reasons = sorted(messages.suppressed_by, key=lambda reason: -messages.suppressed_by[reason])
        labels = [reason_label(reason) for reason in reasons]
        parts[-1] += f" ({', '.join(formats.inline(label) for label in labels)})"
    return [*parts, *report_words(messages)]


def report_words(messages: MessageStats) -> list[str]:
    """What providers reported, with shares of those that were sent: `10 delivered (83%)`."""
    counts = {name: getattr(messages.reports, name) for name, _ in REPORT_WORDS}
    return [
        f"{number(n)} {formats.inline(formats.words(name))} ({percent(n, max(n, messages.sent), 0)})"
        for name, n in counts.items()
        if n
    ]


def _outflow(stats: NodeStats, type_: str, data: dict[str, Any]) -> str:
    """Where those who arrived went, in words: `42% No, 58% Yes, 3 wait here`."""
    parts = []
    if len(node_words.ports_of(type_, data)) > 1 and stats.went_on:
        parts += [
            f"{percent(count, stats.went_on, 0)} {node_words.port_of(type_, data, port).label}"
            for port, count in sorted(stats.ports.items())
            if port != ERROR
        ]
    parts += message_words(stats.messages)
    if stats.ports.get(ERROR):
        way = gettext(ERROR_PORT.label)
        parts.append(gettext("%(ports)s left by %(label)s", ports=number(stats.ports[ERROR]), label=way))
    if stats.waiting:
        waiting = stats.waiting
        parts.append(ngettext("%(number)s waits here", "%(number)s wait here", waiting, number=number(waiting)))
    if stats.ended_failed:
        parts.append(gettext("%(runs)s failed", runs=counted(stats.ended_failed, "run")))
    if stats.left_early:
        parts.append(gettext("%(number)s left early", number=number(stats.left_early)))
    return ", ".join(parts)


def stages(flow: Flow, stats: WorkflowStats, titles: Mapping[str, str]) -> list[Stage]:
    """The steps in reading order: down one arm, then the next, and where arms join again after the last of them.

    `titles`: what they are called, by id.
    """
    return [
        *(_entry(trigger, entered, titles) for trigger, entered in started_runs(flow, stats)),
        *(
            _stage(node, indent, stats.node_stats.get(node.id, NodeStats()), titles)
            for node, indent in reading_order(flow)
        ),
    ]


def _entry(trigger: Trigger, entered: int, titles: Mapping[str, str]) -> Stage:
    title = titles.get(trigger.id) or trigger_title(trigger)
    return Stage(
        node_id=trigger.id,
        type=CATEGORY,
        title=title if trigger.enabled else gettext("%(title)s, switched off", title=title),
        kind=gettext("Trigger"),
        category=CATEGORY,
        indent=0,
        arrived=entered,
        went_on=entered,
        waiting=0,
        failed=0,
        outflow="",
    )


def reading_order(flow: Flow) -> list[tuple[Node, int]]:
    """(node, depth of its branch) of every reachable node. A join has the depth of the split that it closes."""
    sources = [trigger.id for trigger in flow.triggers]
    reachable = flow.reachable() | set(sources)
    coming: dict[str, int] = Counter(edge.target for edge in flow.edges if edge.source in reachable)
    joins = {target for target, ways in coming.items() if ways > 1}
    depths: dict[str, int] = dict.fromkeys(sources, 0)
    nodes: list[tuple[Node, int]] = []
    waiting = sources[::-1]
    while waiting:
        source = waiting.pop()
        node = flow.node(source)
        if node is not None:
            nodes.append((node, depths[source]))
        edges = sorted(flow.leaving(source), key=lambda edge: edge.source_handle == ERROR)
        branch = len(edges) > 1
        ready = []
        for edge in edges:
            depth = depths[source] + branch - (edge.target in joins)
            depths[edge.target] = max(0, min(depths.get(edge.target, depth), depth))
            coming[edge.target] -= 1
            if coming[edge.target] == 0:
                ready.append(edge.target)
        waiting += reversed(ready)
    return nodes


def _stage(node: Node, indent: int, numbers: NodeStats, titles: Mapping[str, str]) -> Stage:
    return Stage(
        node_id=node.id,
        type=node.type,
        title=titles.get(node.id) or node_words.title_of(node.type, node.name, node.data),
        kind=node_words.kind_word(node.type),
        category=category_of(node.type),
        indent=min(indent, 4),
        arrived=numbers.executed + numbers.waiting,
        went_on=numbers.went_on,
        waiting=numbers.waiting,
        failed=numbers.failed,
        outflow=_outflow(numbers, node.type, node.data),
    )


def _number(version: str | None) -> int | None:
    if not version:
        return None
    if not version.isdecimal() or len(version) > 9:
        raise Invalid(errors=[{"path": "version", "message": gettext("Choose a version from the list.")}])
    return int(version)


@get("/workflows/{workflow_id:uuid}/stats", role=Role.VIEWER)
async def stats_page(
    request: AppRequest,
    insights: NamedDependency[InsightService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: FromQuery[str | None] = None,
) -> Template:
    """The numbers of a workflow: all versions together, or one."""
    workflow = await workflows.get(workflow_id)
    published = (await workflows.versions(workflow, limit=100)).items
    chosen = _number(version)
    stats = await insights.of_workflow(workflow_id, chosen)
    shown = chosen or workflow.live_version
    flow = (workflows.published(await workflows.version(workflow, shown)) if shown else workflows.draft(workflow)).flow
    return page(
        request,
        "insights/stats.html",
        block="numbers",
        label_of=reason_label,
        report_words=REPORT_WORDS,
        workflow=workflow,
        stats=stats,
        refused=(await insights.refusals(workflow_id, LAST_REFUSED)).items,
        waiting=await insights.waiting(workflow_id),
        ended=stats.total_runs - stats.running_runs,
        stages=stages(flow, stats, (await card_titles(request, workflows.session, {"": flow.document()}))[""]),
        goals=goals_of(flow),
        chosen=chosen,
        shown=shown,
        versions=[("", gettext("all")), *((str(row.version), f"v{row.version}") for row in published)],
    )


ROUTES = [home, stats_page]
