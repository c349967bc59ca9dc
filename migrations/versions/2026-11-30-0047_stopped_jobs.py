"""Who stopped a job of many rows before all was done."""

from __future__ import annotations

from alembic import op

revision = "0083_list_views"
down_revision = "0082_step_changes"
branch_labels = None
depends_on = None
TABLES = ("bulk_jobs", "message_jobs")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN stopped_by text")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN stopped_by")
