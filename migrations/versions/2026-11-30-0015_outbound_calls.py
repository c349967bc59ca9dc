"""Reserved: outbound calls."""

from __future__ import annotations

revision = "0051_outbound_calls"
down_revision = "0050_webhook_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
