"""Several triggers in one workflow."""

from __future__ import annotations

revision = "0023_triggers"
down_revision = "0022_troubles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
