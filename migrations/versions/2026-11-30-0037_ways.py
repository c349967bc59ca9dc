"""Waits and starts."""

from __future__ import annotations

revision = "0073_ways"
down_revision = "0072_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
