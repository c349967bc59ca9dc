"""Reserved."""

from __future__ import annotations

revision = "0070_floods"
down_revision = "0069_ways"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
