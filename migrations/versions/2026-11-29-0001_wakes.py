"""What is due, by workspace and workflow."""

from __future__ import annotations

revision = "0033_wakes"
down_revision = "0032_epochs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
