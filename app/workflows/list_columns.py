"""What the list of workflows offers: its columns and orders. An index serves *Changed*; others sort the few hundred of a workspace."""

from __future__ import annotations

from app.lib.translation import translatable
from app.lists.spec import LATEST, UNTOUCHED, ListColumn, ListSpec, offer_list
from app.workflows.listing import ACTIVE, MOST_BY_ACTIVE
from app.workflows.repository import LAST_CHANGED

WORKFLOWS = offer_list(
    ListSpec(
        "workflows",
        "/workflows",
        (
            ListColumn("steps", translatable("Steps"), "gl"),
            ListColumn("workflow", translatable("Name"), order="name", fixed=True),
            ListColumn("status", translatable("Status"), order="status"),
            ListColumn("version", translatable("Version")),
            ListColumn("active", translatable("Active"), "r", order=ACTIVE, greatest_first=True),
            ListColumn("entered", translatable("Entered"), "r"),
            ListColumn("failed", translatable("Failed"), "r"),
            ListColumn("goal", translatable("Goal reached"), "r"),
            ListColumn("created", translatable("Created"), "r", order="created", newest_first=True, shown=False),
            ListColumn(
                "changed", translatable("Changed"), order="updated", newest_first=True, falls=LATEST, rises=UNTOUCHED
            ),
        ),
        ("status", "search", "folder", "tag"),
        LAST_CHANGED,
    )
)
_UNCOUNTED = WORKFLOWS._replace(
    columns=tuple(one._replace(order="") if one.order == ACTIVE else one for one in WORKFLOWS.columns)
)


def workflow_columns(number: int) -> ListSpec:
    """The list of a workspace with so many workflows: more than MOST_BY_ACTIVE are not sorted by their runs."""
    return WORKFLOWS if number <= MOST_BY_ACTIVE else _UNCOUNTED
