"""Runs that wait for a person, and who was assigned to which variant."""

from __future__ import annotations

revision = "0041_approvals"
down_revision = "0040_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
