"""Who changed which step, and when."""

from __future__ import annotations

revision = "0082_step_changes"
down_revision = "0081_folders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
