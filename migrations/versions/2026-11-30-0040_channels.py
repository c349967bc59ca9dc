"""Channels."""

from __future__ import annotations

revision = "0076_channels"
down_revision = "0075_outside"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
