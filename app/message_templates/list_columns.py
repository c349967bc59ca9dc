"""What the list of templates offers: its columns and orders."""

from __future__ import annotations

from app.lib.translation import translatable
from app.lists.spec import LATEST, UNTOUCHED, ListColumn, ListSpec, offer_list

TEMPLATES = offer_list(
    ListSpec(
        "templates",
        "/templates",
        (
            ListColumn("picture", translatable("Picture")),
            ListColumn("template", translatable("Name"), order="name", fixed=True),
            ListColumn("subject", translatable("Subject")),
            ListColumn("channel", translatable("Channel"), shown=False),
            ListColumn(
                "updated", translatable("Changed"), order="updated", newest_first=True, falls=LATEST, rises=UNTOUCHED
            ),
            ListColumn("created", translatable("Created"), order="created", newest_first=True, shown=False),
            ListColumn("filed", translatable("Folder and tags")),
        ),
        ("search", "folder", "tag"),
        "name",
    )
)
"""Columns are lines of a card here. An index serves the order by name; the few hundred of a workspace are sorted by the others."""
