"""Dates of contacts that start a workflow, and when each is due."""

from __future__ import annotations

revision = "0043_date_triggers"
down_revision = "0042_sub_workflows"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
