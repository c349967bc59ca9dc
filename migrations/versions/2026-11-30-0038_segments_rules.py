"""Segments."""

from __future__ import annotations

revision = "0074_segments_rules"
down_revision = "0073_ways"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
