"""count who has entered by a firing, and keep a row for each firing of a date"""

from __future__ import annotations

from alembic import op

revision = "0054_every_way"
down_revision = "0053_segments_speed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE enrolments ADD COLUMN open_runs uuid[], ADD COLUMN firing text")
    op.execute(
        "CREATE UNIQUE INDEX enrolments_firing ON enrolments (tenant_id, workflow_id, trigger_id, firing)"
        " WHERE firing IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM enrolments WHERE firing IS NOT NULL AND next_at IS NULL AND status = 'running'")
    op.execute("DROP INDEX enrolments_firing")
    op.execute("ALTER TABLE enrolments DROP COLUMN open_runs, DROP COLUMN firing")
