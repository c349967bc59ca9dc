"""Segments and the people that were put into them."""

from __future__ import annotations

revision = "0037_segments"
down_revision = "0036_roles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
