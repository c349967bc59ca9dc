"""Reserved: date choices."""

from __future__ import annotations

revision = "0048_date_choices"
down_revision = "0047_segment_following"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
