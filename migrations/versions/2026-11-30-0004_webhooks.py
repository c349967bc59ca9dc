"""Triggers that other programs call, and what bounds entries."""

from __future__ import annotations

revision = "0040_webhooks"
down_revision = "0039_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
