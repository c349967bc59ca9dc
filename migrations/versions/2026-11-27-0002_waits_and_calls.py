"""Runs that wait for events, and calls to the outside that steps have asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024_waits"
down_revision = "0023_triggers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE runs ADD waits_for text, ADD waits_since timestamptz")
    # On an empty column the index is empty: building it reads the table once, and writes nothing.
    op.execute("CREATE INDEX runs_waits ON runs (tenant_id, contact_id, waits_for) WHERE waits_for IS NOT NULL")
    at = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "calls",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.UUID(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("timeout_s", sa.Integer(), nullable=False),
        sa.Column("request", postgresql.JSONB(), nullable=True),
        sa.Column("due_at", at, nullable=False),
        sa.Column("lease_until", at, nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", "attempt", name=op.f("calls_pkey")),
    )
    op.execute("CREATE INDEX calls_due ON calls (tenant_id, due_at) WHERE lease_until IS NULL")
    op.execute("CREATE INDEX calls_under_way ON calls (lease_until) WHERE lease_until IS NOT NULL")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # An older release knows neither: a run that waits for an answer is tried again, one that waits for an event times out.
    op.execute(
        "UPDATE runs SET status = 0, resume_at = now(), fence = fence + 1 WHERE status = 2"
        " AND (id, seq + 1) IN (SELECT run_id, seq FROM calls)"
    )
    op.drop_table("calls")
    op.execute("DROP INDEX runs_waits")
    op.execute("ALTER TABLE runs DROP waits_for, DROP waits_since")
