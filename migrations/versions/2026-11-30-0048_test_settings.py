"""Reserved."""

from __future__ import annotations

revision = "0084_test_settings"
down_revision = "0083_list_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
