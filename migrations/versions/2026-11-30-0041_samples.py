"""Samples that a workflow is tried with."""

from __future__ import annotations

from alembic import op

revision = "0077_samples"
down_revision = "0075_outside"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE workflow_samples (
            tenant_id integer NOT NULL,
            workflow_id uuid NOT NULL,
            contact_id uuid,
            contact jsonb,
            event_id uuid,
            event_name text DEFAULT '' NOT NULL,
            event jsonb DEFAULT '{}' NOT NULL,
            updated_at timestamptz DEFAULT clock_now() NOT NULL,
            PRIMARY KEY (tenant_id, workflow_id),
            FOREIGN KEY (tenant_id, workflow_id) REFERENCES workflows (tenant_id, id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX workflow_samples_contact ON workflow_samples (tenant_id, contact_id)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE workflow_samples")
