"""Calls to the outside."""

from __future__ import annotations

revision = "0075_outside"
down_revision = "0074_segments_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
