"""The steps of runs under the names that their cards have in the builder."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, cast

from app.accounts.deps import AppRequest
from app.flow.step_cards import CardNames, rows_named, titles_on_cards
from app.runs.schemas import RunDetail
from app.web.fragments import FragmentEngine
from app.workflows.repository import WorkflowRepository


async def step_titles(
    request: AppRequest, workflows: WorkflowRepository, graph: dict[str, Any], only: Set[str] | None = None
) -> dict[str, str]:
    """By id, what the steps and triggers of a version are called on the canvas. `only`: of these alone."""
    references = await workflows.referenced_names(rows_named(graph))
    names = CardNames(
        {kind: {str(id_): {"name": name} for id_, name in rows.items()} for kind, rows in references.items()}
    )
    engine = cast("FragmentEngine", request.app.template_engine)
    return titles_on_cards(engine.rendered_module, graph, names, only)


def call_steps(run: RunDetail, titles: dict[str, str]) -> None:
    """Give the steps of a run these names; the API has them by their own name, or that of their type."""
    for step in run.steps:
        step.name = titles.get(step.node_id, step.name)
