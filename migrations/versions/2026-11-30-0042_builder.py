"""The builder."""

from __future__ import annotations

revision = "0078_builder"
down_revision = "0077_samples"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
