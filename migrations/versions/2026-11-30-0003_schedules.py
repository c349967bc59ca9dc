"""Starts by the clock: when each trigger fires next, and each minute for which it has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039_schedules"
down_revision = "0038_segment_membership"
branch_labels = None
depends_on = None

STAMP = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID(as_uuid=True)


def _of_trigger(table: str) -> list[sa.schema.SchemaItem]:
    """The key of a trigger, and what takes its rows along."""
    return [
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
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
        "schedules",
        *_of_trigger("schedules"),
        sa.Column("trigger", postgresql.JSONB(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_at", STAMP),
        sa.Column("fired_at", STAMP),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "trigger_id", name=op.f("schedules_pkey")),
    )
    op.create_index(
        "schedules_due",
        "schedules",
        ["tenant_id", "next_at"],
        postgresql_where=sa.text("active and next_at is not null"),
    )
    op.create_table(
        "schedule_firings",
        *_of_trigger("schedule_firings"),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("minute", postgresql.TIMESTAMP(timezone=False), nullable=False),
        sa.Column("scheduled_at", STAMP, nullable=False),
        sa.Column("fired_at", STAMP, nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "workflow_id", "trigger_id", "zone", "minute", name=op.f("schedule_firings_pkey")
        ),
    )
    op.create_index("schedule_firings_old", "schedule_firings", ["tenant_id", "fired_at"])
    op.create_table(
        "schedule_epochs",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("schedule_epochs_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("schedule_epochs_pkey")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("schedule_epochs", "schedule_firings", "schedules"):
        op.drop_table(table)
