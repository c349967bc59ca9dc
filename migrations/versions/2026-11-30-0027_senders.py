"""Connectors that stand in for others, and who paused them."""

from __future__ import annotations

revision = "0063_senders"
down_revision = "0062_poll"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
