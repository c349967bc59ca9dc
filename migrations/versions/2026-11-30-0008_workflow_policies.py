"""How often and how fast a workflow may start runs: starts that wait for their turn, and what was let in lately.

On the way down starts that wait go back into the inbox; those that an event asked for begin again as if it had just been handled.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044_workflow_policies"
down_revision = "0043_date_triggers"
branch_labels = None
depends_on = None

UUID, AT = postgresql.UUID(as_uuid=True), postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "waiting_starts",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact_id", UUID, nullable=True),
        sa.Column("event_id", UUID, nullable=True),
        sa.Column("run_id", UUID, nullable=True),
        sa.Column("entry_key", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", AT, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "id", name=op.f("waiting_starts_pkey")),
    )
    op.create_index(
        "waiting_starts_one", "waiting_starts", ["tenant_id", "contact_id", "workflow_id", "entry_key"], unique=True
    )
    op.create_index(
        "waiting_starts_run",
        "waiting_starts",
        ["tenant_id", "run_id"],
        postgresql_where=sa.text("run_id is not null"),
    )
    op.create_table(
        "entry_paces",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("last_at", AT, nullable=True),
        sa.Column("recent", postgresql.JSONB(), nullable=True),
        sa.Column("not_before", AT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", name=op.f("entry_paces_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f("entry_paces_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.add_column("entries", sa.Column("last_ended", AT, nullable=True))
    op.add_column("entry_refusals", sa.Column("trigger_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Kind 4 is an event that may still start one workflow alone.
    op.execute(
        """
        INSERT INTO inbox (tenant_id, kind, name, contact_id, event_id, workflow_id, run_id, payload, depth, occurred_at, at)
        SELECT tenant_id, CASE kind WHEN -2 THEN 4 ELSE kind END, name, contact_id, event_id, workflow_id, run_id, payload, depth,
          occurred_at, at
        FROM waiting_starts ORDER BY tenant_id, workflow_id, id
        """
    )
    op.drop_column("entry_refusals", "trigger_id")
    op.drop_column("entries", "last_ended")
    op.drop_table("entry_paces")
    op.drop_index("waiting_starts_run", table_name="waiting_starts")
    op.drop_index("waiting_starts_one", table_name="waiting_starts")
    op.drop_table("waiting_starts")
