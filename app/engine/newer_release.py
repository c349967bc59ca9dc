"""Steps that only a newer process understands, or one with other plugins: what is left to it, how long a run waits for one, and how
often it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.lib.translation import gettext, translatable

if TYPE_CHECKING:
    from app.engine.matcher import Matcher
    from app.engine.stored_rows import RunRow

NEWER_COMES_WITHIN_S = 7 * 86_400
"""How long a run waits for a worker that understands its step. Updates take minutes; a week is for who rolled one back."""
SOONEST_S, LATEST_S = 15.0, 600.0
LEFT_TO_NEWER = translatable("The run continues as soon as a worker with a newer version of Throughline takes it.")


def next_look_after(waited_s: float) -> float:
    """Seconds until the next look: the longer it has waited, the later."""
    return min(max(waited_s / 4, SOONEST_S), LATEST_S)


def why_left(matcher: Matcher, row: RunRow) -> str:
    """Why this process leaves a stored run to another, for people; empty when it does not.

    A step that it does not understand it leaves as well, when the run waits there or has an answer: what either means, the step says.
    """
    if (row.workflow_id, row.version) in matcher.unreadable:
        return gettext("The workflow cannot be understood. %(left_to_newer)s", left_to_newer=LEFT_TO_NEWER)
    if row.waits_for is None and row.resume_port is None:
        return ""  # the walk comes to the step by itself, and waits there with ever longer pauses
    node = matcher.flow(row.workflow_id, row.version).nodes.get(row.node_id or "")
    return f"{node.not_understood.why} {LEFT_TO_NEWER}" if node is not None and node.not_understood else ""
