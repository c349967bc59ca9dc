"""Work on many held runs at once, and what stands still."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046_held_runs"
down_revision = "0045_segment_facts"
branch_labels = None
depends_on = None

UUID, AT = postgresql.UUID(as_uuid=True), postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "held_run_jobs",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("port", sa.Text()),
        sa.Column("node_id", sa.Text()),
        sa.Column("version", sa.Integer()),
        sa.Column("by_kind", sa.Text(), nullable=False),
        sa.Column("by_id", UUID),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("reached", UUID),
        sa.Column("created_at", AT, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("next_at", AT),
        sa.Column("finished_at", AT),
        sa.Column("stopped_by", sa.Text()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("held_run_jobs_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("held_run_jobs_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("act in ('retry', 'skip', 'move', 'cancel')", name=op.f("held_run_jobs_act_check")),
        sa.CheckConstraint("(next_at is null) = (finished_at is not null)", name=op.f("held_run_jobs_over_check")),
    )
    op.create_index(
        "held_run_jobs_due",
        "held_run_jobs",
        ["tenant_id", "next_at"],
        postgresql_where=sa.text("next_at is not null"),
    )

    op.create_table(
        "stalls",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", AT),
        sa.Column("seen_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "reason", name=op.f("stalls_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f("stalls_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.add_column("webhooks", sa.Column("full_at", AT))
    # Empty while all is well: runs that go on, and nothing says when.
    op.create_index(
        "active_runs_timeless",
        "active_runs",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status in (0, 1) and resume_at is null"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("active_runs_timeless", "active_runs")
    op.drop_column("webhooks", "full_at")
    op.drop_table("stalls")
    op.drop_table("held_run_jobs")
