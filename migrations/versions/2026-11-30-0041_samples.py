"""Samples that a workflow is tried with."""

from __future__ import annotations

revision = "0077_samples"
down_revision = "0076_channels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
