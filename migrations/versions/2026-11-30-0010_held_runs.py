"""Work on many held runs at once, and what stands still."""

from __future__ import annotations

revision = "0046_held_runs"
down_revision = "0045_segment_facts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
