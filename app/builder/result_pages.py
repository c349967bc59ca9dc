"""Results on the canvas: how many runs reached each step, and left it by which port. Read from roll-up counters."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder import canvas
from app.builder.form_options import FormOptions
from app.flow.document import NEXT
from app.flow.node_words import control_group_of, port_of, ports_of
from app.insights.pages import REPORT_WORDS
from app.insights.service import InsightService
from app.insights.starts import started_runs
from app.insights.variants import compared, split_verdict
from app.models.status import Role
from app.subscriptions.permission import reason_label
from app.web.fragments import page
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}/results"
OFFERED_VERSIONS = 20


@get(ONE, role=Role.VIEWER)
async def show_results(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    insights: NamedDependency[InsightService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Template:
    """The bar above the canvas and the numbers of one version; without `version` of the live one, with 0 of all."""
    workflow = await workflows.get(workflow_id)
    versions = (await workflows.versions(workflow, limit=OFFERED_VERSIONS)).items
    chosen = workflow.live_version if version is None else version or None
    stats = await insights.of_workflow(workflow_id, chosen)
    draft = workflows.draft(workflow)
    shown = draft if chosen is None else workflows.published(await workflows.version(workflow, chosen))
    starts = {trigger.id: count for trigger, count in started_runs(shown.flow, stats)}
    data: dict[str, Any] = {
        "entered": stats.total_runs,
        "starts": starts,
        "nodes": msgspec.to_builtins(stats.node_stats),
    }
    data |= await canvas.shown_version(request, form_options, draft, shown)
    return page(
        request,
        "builder/results.html",
        workflow=workflow,
        versions=versions,
        chosen=chosen,
        stats=stats,
        data=data,
    )


@get(ONE + "/{node_id:str}", role=Role.VIEWER)
async def show_step_results(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    insights: NamedDependency[InsightService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Template:
    """The numbers of one step over all versions, for its panel."""
    stats = await insights.of_workflow(workflow_id)
    numbers = stats.node_stats.get(node_id)
    flow = workflows.draft(await workflows.get(workflow_id)).flow
    starts = {trigger.id: count for trigger, count in started_runs(flow, stats)}
    node = flow.node(node_id)
    variants = (numbers.variants if numbers else None) or {}
    open_ports = {port.id for port in ports_of(node.type, node.data)} if node else set()
    ports = dict.fromkeys([*numbers.ports, *variants]) if node and numbers else {}
    words = {port: port_of(node.type, node.data, port).label for port in ports} if node else {}
    return page(
        request,
        "builder/step_results.html",
        started=starts.get(node_id),
        triggers=len(starts),
        label_of=reason_label,
        report_words=REPORT_WORDS,
        workflow_id=workflow_id,
        node_id=node_id,
        stats=stats,
        node=numbers,
        port_words=words | {NEXT: ""},
        variants=variants,
        control=control_group_of(node.type, node.data) if node and variants else None,
        taken_out=variants.keys() - open_ports,
        verdict=split_verdict(compared(variants, open_ports), words) if variants else "",
    )


ROUTES = [show_results, show_step_results]
