"""Lists and their views."""

from __future__ import annotations

revision = "0079_pages"
down_revision = "0078_builder"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
