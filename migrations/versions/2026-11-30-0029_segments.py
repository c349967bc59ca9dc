"""Segments: facts and members in fewer writes."""

from __future__ import annotations

revision = "0065_segments"
down_revision = "0064_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
