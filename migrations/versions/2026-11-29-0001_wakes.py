"""What is due, by workspace and workflow: nobody who looks for due runs reads those that are parked, or whose workflow is paused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033_wakes"
down_revision = "0032_epochs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "wakes",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "workflow_id", "at", "n", name=op.f("wakes_pkey")),
    )
    op.create_index("wakes_at", "wakes", ["at"])
    for table, column, default, most in (("workflows", "priority", 1, 2), ("workspaces", "weight", 1, 100)):
        op.add_column(table, sa.Column(column, sa.SmallInteger(), server_default=str(default), nullable=False))
        least = 0 if column == "priority" else 1
        op.create_check_constraint(op.f(f"{table}_{column}_check"), table, f"{column} between {least} and {most}")
    op.add_column("messages", sa.Column("priority", sa.SmallInteger(), server_default="1", nullable=False))
    _lanes_of_messages(sa.text("coalesce(lower(payload ->> 'connectorId'), '')"), "priority")
    _key_of_inbox("tenant_id, priority, id", "ADD COLUMN priority smallint NOT NULL DEFAULT 1")
    _count_changes_of("status, live_version, deleted_at, priority")
    op.drop_index("active_runs_due", table_name="active_runs")
    op.create_index(
        "active_runs_due",
        "active_runs",
        ["tenant_id", "workflow_id", "resume_at"],
        postgresql_where=sa.text("resume_at is not null"),
    )
    # Runs of paused workflows need none: resuming makes one.
    op.execute(
        """
        INSERT INTO wakes (tenant_id, workflow_id, at)
        SELECT r.tenant_id, r.workflow_id, min(r.resume_at) FROM active_runs r
        JOIN workflows f ON f.tenant_id = r.tenant_id AND f.id = r.workflow_id AND f.status = 'active' AND f.deleted_at IS NULL
        WHERE r.resume_at IS NOT NULL GROUP BY 1, 2
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("active_runs_due", table_name="active_runs")
    op.create_index("active_runs_due", "active_runs", ["resume_at"], postgresql_where=sa.text("resume_at is not null"))
    _lanes_of_messages(sa.text("coalesce(lower(payload ->> 'connectorId'), '')"))
    op.drop_column("messages", "priority")
    _count_changes_of("status, live_version, deleted_at")
    _key_of_inbox("tenant_id, id", "DROP COLUMN priority")
    for table, column in (("workspaces", "weight"), ("workflows", "priority")):
        op.drop_column(table, column)
    op.drop_table("wakes")


def _lanes_of_messages(*columns: sa.TextClause | str) -> None:
    op.drop_index("messages_due", table_name="messages")
    # The oldest part has names of ours: an index that is there is taken into that of the table.
    if op.get_bind().scalar(sa.text("select to_regclass('messages_before') is not null")):
        op.create_index(
            "messages_before_due",
            "messages_before",
            ["tenant_id", "channel", *columns, "due_at"],
            postgresql_where=sa.text("status = 0 and due_at is not null and lease_until is null"),
        )
    op.create_index(
        "messages_due",
        "messages",
        ["tenant_id", "channel", *columns, "due_at"],
        postgresql_where=sa.text("status = 0 and due_at is not null and lease_until is null"),
    )


def _key_of_inbox(columns: str, change: str) -> None:
    op.execute("ALTER TABLE inbox DROP CONSTRAINT inbox_pkey")
    op.execute(f"ALTER TABLE inbox {change}")
    op.execute(f"ALTER TABLE inbox ADD CONSTRAINT inbox_pkey PRIMARY KEY ({columns})")


def _count_changes_of(columns: str) -> None:
    """Workers look at a workspace again when one of these columns of a workflow has changed."""
    op.execute("DROP TRIGGER workflows_epoch ON workflows")
    op.execute(
        f"""
        CREATE TRIGGER workflows_epoch AFTER INSERT OR DELETE OR UPDATE OF {columns} ON workflows
        FOR EACH ROW EXECUTE FUNCTION raise_workflow_epoch()
        """
    )
