"""Steps that are switched off."""

from __future__ import annotations

revision = "0080_switched_off"
down_revision = "0079_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
