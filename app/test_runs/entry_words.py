"""Sentences of a test about coming in and about goals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.flow.document import Flow
from app.flow.node_words import title_of_plain
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.test_runs.spec import Walk


def in_line_words(at_once: int) -> str | None:
    """Why the contact would wait before it enters."""
    if not at_once:
        return None
    return gettext(
        "It would wait in line first: as many are in the workflow as it lets in at once, %(number)s.", number=at_once
    )


def goal_words(flow: Flow, walked: Walk, nodes: Mapping[str, dict[str, Any]]) -> str | None:
    """Where and why a goal ends the run."""
    if walked.goal is None or not walked.steps:
        return None
    names = {goal.id: goal.name for goal in flow.goals}
    words = {
        "goal": quoted(names.get(walked.goal) or walked.goal),
        "step": quoted(title_of_plain(nodes.get(walked.steps[-1].node_id, {}))),
    }
    if walked.goal_event:
        return gettext(
            "The goal %(goal)s ends the run at %(step)s, because %(event)s happens there.",
            event=walked.goal_event,
            **words,
        )
    return gettext("The goal %(goal)s ends the run before %(step)s, because the contact meets it.", **words)
