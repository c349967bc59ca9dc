"""Who changed which step, and when."""

from __future__ import annotations

from alembic import op

revision = "0082_step_changes"
down_revision = "0081_folders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE step_changes (
            tenant_id integer NOT NULL,
            workflow_id uuid NOT NULL,
            step_id text NOT NULL,
            user_id uuid,
            key_id uuid,
            at timestamptz DEFAULT clock_now() NOT NULL,
            PRIMARY KEY (tenant_id, workflow_id, step_id),
            FOREIGN KEY (tenant_id, workflow_id) REFERENCES workflows (tenant_id, id) ON DELETE CASCADE
        )
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE step_changes")
