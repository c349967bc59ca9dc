"""What keeps dynamic segments up to date."""

from __future__ import annotations

revision = "0038_segment_membership"
down_revision = "0037_segments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
