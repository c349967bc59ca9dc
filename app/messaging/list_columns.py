"""What the list of messages offers: its columns and orders."""

from __future__ import annotations

from app.lib.translation import translatable
from app.lists.spec import ListColumn, ListSpec, offer_list

MESSAGES = offer_list(
    ListSpec(
        "messages",
        "/messages",
        (
            ListColumn("to", translatable("To"), fixed=True),
            ListColumn("subject", translatable("Subject")),
            ListColumn("workflow", translatable("Workflow")),
            ListColumn("step", translatable("Step"), shown=False),
            ListColumn("status", translatable("Status")),
            ListColumn("run", translatable("Run started"), "r", order="run", newest_first=True),
            ListColumn("when", translatable("When"), "r"),
        ),
        ("status", "workflow", "version", "node", "connector", "reason", "period", "contact"),
        "-run",
    )
)
"""Messages lie in the order of the runs that send them: only by the start of a run are they sorted."""
