"""What a list of workflows is asked for: statuses, and its order."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import Invalid
from app.folders.shelved import unsorted
from app.lib.translation import gettext
from app.models.status import WorkflowStatus
from app.workflows.repository import ORDERS

LISTED = (WorkflowStatus.DRAFT, WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED)
"""What a list shows unless archived ones are asked for."""


def workflow_statuses(words: str | None) -> Sequence[WorkflowStatus]:
    """The statuses of a comma-separated filter, those of LISTED without one. Raises Invalid naming the allowed words."""
    if not words:
        return LISTED
    try:
        return [WorkflowStatus(word.strip()) for word in words.split(",")]
    except ValueError as error:
        message = gettext("Use one or more of: %(statuses)s.", statuses=", ".join(WorkflowStatus))
        raise Invalid(errors=[{"path": "status", "message": message}]) from error


def workflow_order(word: str | None) -> str | None:
    """A word of ORDERS, with a minus for the greatest first; None for the usual one. Raises Invalid naming them."""
    if fault := unsorted(word, ORDERS):
        raise fault
    return word or None
