"""Triggers that other programs call, and refusals that a burst does not multiply.

Older code leaves starts by a named trigger where they are; on the way down they become starts that ask for no trigger.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040_webhooks"
down_revision = "0039_schedules"
branch_labels = None
depends_on = None

UUID, AT = postgresql.UUID(as_uuid=True), postgresql.TIMESTAMP(timezone=True)
TRIGGER = ("tenant_id", "workflow_id", "trigger_id")


def _of_trigger() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "webhooks",
        *_of_trigger(),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", AT, server_default=sa.text("clock_now()"), nullable=False),
        sa.PrimaryKeyConstraint(*TRIGGER, name=op.f("webhooks_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f("webhooks_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("webhooks_token", "webhooks", ["tenant_id", "token_hash"], unique=True)
    op.create_table(
        "webhook_payloads",
        *_of_trigger(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("run_id", UUID, nullable=True),
        sa.Column("contact_id", UUID, nullable=True),
        sa.PrimaryKeyConstraint(*TRIGGER, "id", name=op.f("webhook_payloads_pkey")),
    )
    op.create_table(
        "webhook_deliveries",
        *_of_trigger(),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("run_id", UUID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint(*TRIGGER, "message_id", name=op.f("webhook_deliveries_pkey")),
    )
    op.create_index("webhook_deliveries_at", "webhook_deliveries", [*TRIGGER, "at"])
    op.create_index("inbox_asked", "inbox", ["tenant_id", "run_id"], postgresql_where=sa.text("kind in (1, 6)"))
    op.create_index(
        "inbox_triggered", "inbox", ["tenant_id", "workflow_id", "name"], postgresql_where=sa.text("kind = 6")
    )
    op.add_column("entry_refusals", sa.Column("run_id", UUID, nullable=True))
    op.add_column("entry_refusals", sa.Column("day", sa.Date(), nullable=True))
    op.add_column("entry_refusals", sa.Column("times", sa.Integer(), server_default="1", nullable=False))
    op.add_column("entry_refusals", sa.Column("last_at", AT, nullable=True))
    op.create_index(
        "entry_refusals_day",
        "entry_refusals",
        ["tenant_id", "workflow_id", "contact_id", "reason", "day"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("day is not null"),
    )
    op.create_index(
        "entry_refusals_run", "entry_refusals", ["tenant_id", "run_id"], postgresql_where=sa.text("run_id is not null")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("UPDATE inbox SET kind = 1, name = 'manual' WHERE kind = 6")
    for index in ("entry_refusals_run", "entry_refusals_day"):
        op.drop_index(index, table_name="entry_refusals")
    for column in ("last_at", "times", "day", "run_id"):
        op.drop_column("entry_refusals", column)
    for index in ("inbox_triggered", "inbox_asked"):
        op.drop_index(index, table_name="inbox")
    for table in ("webhook_deliveries", "webhook_payloads", "webhooks"):
        op.drop_table(table)
