"""Triggers that ask another program for what is new."""

from __future__ import annotations

revision = "0062_poll"
down_revision = "0061_push"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
