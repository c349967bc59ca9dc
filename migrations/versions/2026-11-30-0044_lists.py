"""Views of lists that people keep."""

from __future__ import annotations

revision = "0080_lists"
down_revision = "0079_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
