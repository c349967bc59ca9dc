"""Messages of any channel."""

from __future__ import annotations

revision = "0025_channels"
down_revision = "0024_waits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
