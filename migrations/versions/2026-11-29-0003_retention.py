"""Counters outlive the rows they count."""

from __future__ import annotations

revision = "0035_retention"
down_revision = "0034_contact_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
