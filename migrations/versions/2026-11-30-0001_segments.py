"""Segments and the people that were put into them; enrolments, which let many into a workflow one piece after another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037_segments"
down_revision = "0036_roles"
branch_labels = None
depends_on = None

STAMP = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID(as_uuid=True)
NOW = sa.text("clock_now()")


def _times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("updated_at", STAMP, server_default=NOW, nullable=False),
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _segments()
    _members()
    _enrolments()


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB()),
        sa.Column("sentence", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("state", sa.Text(), server_default="ready", nullable=False),
        sa.Column("next_number", sa.Integer()),
        sa.Column("next_rule", postgresql.JSONB()),
        sa.Column("built_to", UUID),
        sa.Column("created_by", UUID),
        sa.Column("deleted_at", STAMP),
        *_times(),
        sa.CheckConstraint("kind in ('static', 'dynamic')", name=op.f("segments_kind_check")),
        sa.CheckConstraint("state in ('ready', 'building', 'broken')", name=op.f("segments_state_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("segments_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("segments_created_by_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("segments_pkey")),
    )
    op.create_index("segments_number_key", "segments", ["tenant_id", "number"], unique=True)
    op.create_index(
        "segments_name_key",
        "segments",
        ["tenant_id", sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index(
        "segments_deleted", "segments", ["tenant_id", "deleted_at"], postgresql_where=sa.text("deleted_at is not null")
    )
    op.create_table(
        "segment_numbers",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("segment_numbers_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("segment_numbers_pkey")),
    )


def _members() -> None:
    op.create_table(
        "segment_members",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("contact_id", UUID, nullable=False),
        sa.Column("since", STAMP, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "segment", "contact_id", name=op.f("segment_members_pkey")),
    )
    op.create_table(
        "segment_days",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("entered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("departed", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "segment", "day", "shard", name=op.f("segment_days_pkey")),
        postgresql_with={"fillfactor": "50"},
    )


def _enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("workflow_id", UUID, nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("audience", postgresql.JSONB(), nullable=False),
        sa.Column("event", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("expected", sa.BigInteger()),
        sa.Column("enrolled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("most", sa.BigInteger()),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("reached", UUID),
        sa.Column("next_at", STAMP),
        sa.Column("ended_at", STAMP),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("stopped_by", sa.Text()),
        sa.Column("error", sa.Text()),
        *_times(),
        sa.CheckConstraint("status in ('running', 'done', 'stopped', 'failed')", name=op.f("enrolments_status_check")),
        sa.CheckConstraint("per_minute > 0", name=op.f("enrolments_per_minute_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("enrolments_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"],
            ["workflows.tenant_id", "workflows.id"],
            name=op.f("enrolments_tenant_id_workflow_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("enrolments_pkey")),
    )
    op.create_index("enrolments_workflow", "enrolments", ["tenant_id", "workflow_id", "id"])
    op.create_index(
        "enrolments_due", "enrolments", ["tenant_id", "next_at"], postgresql_where=sa.text("next_at is not null")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("enrolments", "segment_days", "segment_members", "segment_numbers", "segments"):
        op.drop_table(table)
