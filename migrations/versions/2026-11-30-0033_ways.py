"""Reserved."""

from __future__ import annotations

revision = "0069_ways"
down_revision = "0068_reader_settings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
