"""Steps that wait for the delivery of what they sent."""

from __future__ import annotations

revision = "0064_reports"
down_revision = "0063_senders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
