"""Each workspace counts the changes of its workflows."""

from __future__ import annotations

revision = "0032_epochs"
down_revision = "0031_months"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
