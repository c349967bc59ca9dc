"""Reserved."""

from __future__ import annotations

revision = "0083_list_views"
down_revision = "0082_step_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
