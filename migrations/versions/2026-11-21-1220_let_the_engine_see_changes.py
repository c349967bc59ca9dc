"""let the engine see changes of workflows, and keep what a parked step was answered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_engine"
down_revision = "0003_messaging"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("decisions")
    op.drop_column("runs", "visits")
    op.add_column("runs", sa.Column("resume_output", postgresql.JSONB(), nullable=True))
    op.create_table(
        "workflow_epoch",
        sa.Column("one", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("workflow_epoch_pkey")),
    )
    op.execute("INSERT INTO workflow_epoch DEFAULT VALUES")
    op.execute(
        """
        CREATE FUNCTION raise_workflow_epoch() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN UPDATE workflow_epoch SET n = n + 1; RETURN NULL; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER workflows_epoch AFTER INSERT OR DELETE OR UPDATE OF status, live_version, deleted_at ON workflows
        FOR EACH STATEMENT EXECUTE FUNCTION raise_workflow_epoch()
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER workflows_epoch ON workflows")
    op.execute("DROP FUNCTION raise_workflow_epoch()")
    op.drop_table("workflow_epoch")
    op.drop_column("runs", "resume_output")
    op.add_column("runs", sa.Column("visits", postgresql.JSONB(), nullable=True))
    op.create_table(
        "decisions",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("decisions_pkey")),
    )
