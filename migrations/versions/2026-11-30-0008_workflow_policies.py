"""How often and how fast a workflow may start runs."""

from __future__ import annotations

revision = "0044_workflow_policies"
down_revision = "0043_date_triggers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
