"""Each workspace counts the changes of its workflows: what one activates, the workers look at again for that one alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032_epochs"
down_revision = "0031_months"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER workspaces_epoch ON workspaces")
    op.execute("DROP TRIGGER workflows_epoch ON workflows")
    op.execute("DROP FUNCTION raise_workflow_epoch()")
    op.drop_table("workflow_epoch")
    op.create_table(
        "workflow_epochs",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("workflow_epochs_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("workflow_epochs_pkey")),
    )
    # Nobody sees more than the commit, so a transaction raises it once, however many rows it changes. A workspace that goes takes
    # its workflows along: then there is nothing to count in.
    op.execute(
        """
        CREATE FUNCTION raise_workflow_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE tenant int;
        BEGIN
          IF tg_op = 'DELETE' THEN
            UPDATE workflow_epochs SET n = n + 1 WHERE tenant_id = old.tenant_id AND xmin <> pg_current_xact_id()::xid;
          ELSE
            IF tg_table_name = 'workspaces' THEN tenant := new.id; ELSE tenant := new.tenant_id; END IF;
            INSERT INTO workflow_epochs AS e (tenant_id, n) VALUES (tenant, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET n = e.n + 1 WHERE e.xmin <> pg_current_xact_id()::xid;
          END IF;
          RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER workflows_epoch AFTER INSERT OR DELETE OR UPDATE OF status, live_version, deleted_at ON workflows
        FOR EACH ROW EXECUTE FUNCTION raise_workflow_epoch()
        """
    )
    op.execute(
        """
        CREATE TRIGGER workspaces_epoch AFTER UPDATE OF timezone, settings ON workspaces
        FOR EACH ROW EXECUTE FUNCTION raise_workflow_epoch()
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER workspaces_epoch ON workspaces")
    op.execute("DROP TRIGGER workflows_epoch ON workflows")
    op.execute("DROP FUNCTION raise_workflow_epoch()")
    op.drop_table("workflow_epochs")
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
    op.execute(
        """
        CREATE TRIGGER workspaces_epoch AFTER UPDATE OF timezone, settings ON workspaces
        FOR EACH STATEMENT EXECUTE FUNCTION raise_workflow_epoch()
        """
    )
