"""What the list of segments offers: its columns and orders. There are few segments: they are sorted by any."""

from __future__ import annotations

from app.lib.translation import translatable
from app.lists.spec import ListColumn, ListSpec, offer_list

SEGMENTS = offer_list(
    ListSpec(
        "segments",
        "/segments",
        (
            ListColumn("segment", translatable("Segment"), order="name", fixed=True),
            ListColumn("kind", translatable("Kind"), order="kind"),
            ListColumn("members", translatable("Contacts"), "r", order="members", greatest_first=True),
            ListColumn("created", translatable("Created"), "r", shown=False),
            ListColumn("changed", translatable("Changed"), "r", order="changed", newest_first=True),
        ),
        ("search",),
        "name",
    )
)
