"""let messages be sent again, by a person or by the policy of their workflow"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019_resend"
down_revision = "0018_scopes"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("messages", sa.Column("resent_at", at, nullable=True))
    # Freeing what a paused workflow held reads its messages alone.
    op.create_index(
        "messages_held_by_workflow",
        "messages",
        ["workflow_id"],
        postgresql_where=sa.text("status = 0 and due_at is null"),
    )
    op.create_table(
        "message_decisions",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("by_kind", sa.Text(), nullable=False),
        sa.Column("by_id", sa.UUID(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("at", at, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("was_status", sa.SmallInteger(), nullable=False),
        sa.Column("was_reason", sa.Text(), nullable=True),
        sa.Column("was_error", sa.Text(), nullable=True),
        sa.Column("was_since", at, nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", "fence", name="message_decisions_pkey"),
    )
    op.create_table(
        "message_jobs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("by_kind", sa.Text(), nullable=False),
        sa.Column("by_id", sa.UUID(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reached", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", at, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("touched_at", at, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("finished_at", at, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name="message_jobs_tenant_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="message_jobs_pkey"),
    )
    op.create_index(
        "message_jobs_open", "message_jobs", ["touched_at"], postgresql_where=sa.text("finished_at is null")
    )
    op.create_index("message_jobs_newest", "message_jobs", ["tenant_id", sa.text("id desc")])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # An older version frees what is held in one go; what it would never look at again is due.
    op.execute("UPDATE messages SET due_at = NULL WHERE status = 9 AND due_at IS NOT NULL AND NOT payload ? 'awaited'")
    op.drop_table("message_jobs")
    op.drop_table("message_decisions")
    op.drop_index("messages_held_by_workflow", "messages")
    op.drop_column("messages", "resent_at")
