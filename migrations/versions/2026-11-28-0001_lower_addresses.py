"""Addresses are lower case by constraint."""

from __future__ import annotations

revision = "0028_lower_addresses"
down_revision = "0027_calls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
