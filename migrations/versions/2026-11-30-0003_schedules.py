"""Starts by the clock: schedules, dates of contacts, enrolments."""

from __future__ import annotations

revision = "0039_schedules"
down_revision = "0038_segment_membership"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
