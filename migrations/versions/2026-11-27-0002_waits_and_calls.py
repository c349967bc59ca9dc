"""Waits for events, calls to the outside, and runs without a contact."""

from __future__ import annotations

from alembic import op

revision = "0024_waits"
down_revision = "0023_triggers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE runs ADD waits_for text, ADD waits_since timestamptz")
    # On an empty column the index is empty: building it reads the table once, and writes nothing.
    op.execute("CREATE INDEX runs_waits ON runs (tenant_id, contact_id, waits_for) WHERE waits_for IS NOT NULL")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX runs_waits")
    op.execute("ALTER TABLE runs DROP waits_for, DROP waits_since")
