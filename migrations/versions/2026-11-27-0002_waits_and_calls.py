"""Waits for events, calls to the outside, and runs without a contact."""

from __future__ import annotations

revision = "0024_waits"
down_revision = "0023_triggers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
