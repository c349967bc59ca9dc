"""Triggers that ask another program for what is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062_poll"
down_revision = "0061_push"
branch_labels = None
depends_on = None

STAMP = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID(as_uuid=True)


def _of_trigger(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f(f"{table}_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
    ]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "polls",
        *_of_trigger("polls"),
        sa.Column("trigger", postgresql.JSONB(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_at", STAMP, nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("primed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("lease", UUID),
        sa.Column("lease_until", STAMP),
        sa.Column("polled_at", STAMP),
        sa.Column("last_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused_rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", STAMP),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "trigger_id", name=op.f("polls_pkey")),
    )
    op.create_index("polls_due", "polls", ["next_at"], postgresql_where=sa.text("active"))
    op.create_index("polls_failing", "polls", ["tenant_id", "failing_since"], postgresql_where=sa.text("failures > 0"))
    op.create_table(
        "polled_rows",
        *_of_trigger("polled_rows"),
        sa.Column("row_key", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", STAMP, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "trigger_id", "row_key", name=op.f("polled_rows_pkey")),
    )
    op.create_index("polled_rows_seen", "polled_rows", ["tenant_id", "seen_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("polled_rows", "polls"):
        op.drop_table(table)
