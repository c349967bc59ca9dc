"""Contacts and lists are looked up by indexes that lead with the workspace and the filter."""

from __future__ import annotations

revision = "0034_contact_search"
down_revision = "0033_wakes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
