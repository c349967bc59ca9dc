"""The builder: samples, people and what is switched off."""

from __future__ import annotations

revision = "0067_builder"
down_revision = "0066_ways"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
