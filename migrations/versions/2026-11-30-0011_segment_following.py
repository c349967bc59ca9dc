"""Reserved: segment following."""

from __future__ import annotations

revision = "0047_segment_following"
down_revision = "0046_held_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
