"""What segments know of messages, anniversaries and events that left."""

from __future__ import annotations

revision = "0045_segment_facts"
down_revision = "0044_workflow_policies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
