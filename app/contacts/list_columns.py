"""What the list of contacts offers: its columns and orders."""

from __future__ import annotations

from app.contacts.list_repository import NEWEST
from app.lib.translation import translatable
from app.lists.spec import ListColumn, ListSpec, offer_list

ATTRIBUTES = "attributes."
"""Before the name of an attribute it is the key of a column."""
CONTACTS = offer_list(
    ListSpec(
        "contacts",
        "/contacts",
        (
            ListColumn("contact", translatable("Contact"), order="email", fixed=True),
            ListColumn("permission", translatable("Email")),
            ListColumn("tags", translatable("Tags")),
            ListColumn("phone", translatable("Phone"), shown=False),
            ListColumn("external_id", translatable("External id"), shown=False),
            ListColumn("source", translatable("Source")),
            ListColumn("timezone", translatable("Time zone"), shown=False),
            ListColumn("locale", translatable("Language"), shown=False),
            ListColumn("updated", translatable("Changed"), "r", shown=False),
            ListColumn("created", translatable("Created"), "r", order="created", newest_first=True),
        ),
        ("search", "tag", "permission"),
        NEWEST,
        ATTRIBUTES,
    )
)
