"""Triggers and steps: what was left."""

from __future__ import annotations

revision = "0066_ways"
down_revision = "0065_segments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
