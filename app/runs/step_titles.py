"""The steps of runs under the names that their cards have in the builder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.flow.references import CalledRow, called_rows
from app.flow.step_cards import rows_named
from app.runs.schemas import RunDetail, RunOut
from app.workflows.repository import VersionRepository, WorkflowRepository


async def step_titles(request: AppRequest, workflows: WorkflowRepository, graph: dict[str, Any]) -> dict[str, str]:
    """By id, what the steps and triggers of a version are called on the canvas."""
    return (await card_titles(request, workflows.session, {"": graph}))[""]


async def rows_of_steps(workflows: WorkflowRepository, graph: dict[str, Any]) -> dict[str, CalledRow]:
    """By id, what the rows are called that the settings of a version's steps name."""
    wanted = rows_named(graph)
    return called_rows(wanted, await workflows.referenced_names(wanted))


def call_steps(run: RunDetail, titles: Mapping[str, str]) -> None:
    """Give the steps of a run these names; the API has them by their own name, or that of their type."""
    for step in run.steps:
        step.name = titles.get(step.node_id, step.name)


async def current_steps(request: AppRequest, versions: VersionRepository, runs: Iterable[RunOut]) -> dict[UUID, str]:
    """By run, what the step is called on which it stands in the version that it is pinned to; its id where that has none."""
    at = {run.id: (run.workflow_id, run.workflow_version, run.current_node_id or "") for run in runs}
    wanted: dict[tuple[UUID, int], set[str]] = {}
    for workflow_id, version, node_id in at.values():
        wanted.setdefault((workflow_id, version), set()).add(node_id)
    titles = await card_titles(request, versions.session, await versions.graphs(set(wanted)), wanted)
    return {
        run_id: titles.get((workflow_id, version), {}).get(node_id, node_id)
        for run_id, (workflow_id, version, node_id) in at.items()
    }
