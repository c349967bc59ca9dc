"""Runs that another run has started, and errors that a handler takes."""

from __future__ import annotations

revision = "0042_sub_workflows"
down_revision = "0041_approvals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
