"""Dates of contacts that start a workflow, and when each is due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043_date_triggers"
down_revision = "0042_sub_workflows"
branch_labels = None
depends_on = None

STAMP = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID(as_uuid=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "date_schedules",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("trigger", postgresql.JSONB(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("since", STAMP, nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", STAMP),
        sa.Column("missed_before", STAMP),
        sa.Column("reached", UUID),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("built_at", STAMP),
        sa.Column("dropped_at", STAMP),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "trigger_id", name=op.f("date_schedules_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("date_schedules_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f("date_schedules_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "date_schedules_due",
        "date_schedules",
        ["tenant_id", "next_at"],
        postgresql_where=sa.text("active and next_at is not null"),
    )
    op.create_index(
        "date_schedules_open",
        "date_schedules",
        ["tenant_id"],
        postgresql_where=sa.text("built_at is null or dropped_at is not null"),
    )
    op.create_table(
        "due_dates",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contact_id", UUID, nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("next_at", STAMP),
        sa.Column("fired_for", postgresql.TIMESTAMP(timezone=False)),
        sa.Column("unreadable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", "workflow_id", "trigger_id", name=op.f("due_dates_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id", "trigger_id"],
            ["date_schedules.tenant_id", "date_schedules.workflow_id", "date_schedules.trigger_id"],
            name=op.f("due_dates_tenant_id_workflow_id_trigger_id_fkey"),
            ondelete="CASCADE",
        ),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("due_dates_next", "due_dates", ["tenant_id", "workflow_id", "trigger_id", "next_at"])
    op.create_index(
        "due_dates_unreadable",
        "due_dates",
        ["tenant_id", "workflow_id", "trigger_id", "contact_id"],
        postgresql_where=sa.text("unreadable"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("due_dates")
    op.drop_table("date_schedules")
