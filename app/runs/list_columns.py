"""What the lists of runs offer: their columns and orders."""

from __future__ import annotations

from app.lib.translation import translatable
from app.lists.spec import ListColumn, ListSpec, offer_list

FILTERS = ("status", "contact", "withoutContact", "node", "workflow", "version", "period")
_CONTACT = ListColumn("contact", translatable("Contact"), fixed=True)
_WORKFLOW = ListColumn("workflow", translatable("Workflow"))
_COLUMNS = (
    ListColumn("status", translatable("Status")),
    ListColumn("version", translatable("Version"), "r"),
    ListColumn("step", translatable("Current step")),
    ListColumn("started", translatable("Started"), "r", order="started", newest_first=True),
    ListColumn("ended", translatable("Ended"), "r", shown=False),
    ListColumn("duration", translatable("Duration"), "r"),
)
RUNS = offer_list(ListSpec("runs", "/runs", (_CONTACT, _COLUMNS[0], _WORKFLOW, *_COLUMNS[1:]), FILTERS, "-started"))
WORKFLOW_RUNS = offer_list(ListSpec("workflow-runs", "/workflows", (_CONTACT, *_COLUMNS), FILTERS, "-started"))
"""Below the address of the workflow. Views of it are there for every workflow."""
