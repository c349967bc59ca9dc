"""Runs that go on with another version."""

from __future__ import annotations

revision = "0083_runs_again"
down_revision = "0082_step_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
