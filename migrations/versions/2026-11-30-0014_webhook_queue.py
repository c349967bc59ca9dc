"""Reserved: webhook queue."""

from __future__ import annotations

revision = "0050_webhook_queue"
down_revision = "0049_split_contacts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
