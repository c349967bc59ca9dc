"""Headers of the last calls of an address; the lane of rows that were set aside and of runs that a step calls for a whole segment."""

from __future__ import annotations

from alembic import op

revision = "0074_segments_rules"
down_revision = "0072_gateway"
branch_labels = None
depends_on = None

_LANED = "dead_letters", "enrolments"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE webhook_payloads ADD COLUMN headers jsonb")
    for table in _LANED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN lane bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE webhook_payloads DROP COLUMN headers")
    for table in _LANED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN lane")
