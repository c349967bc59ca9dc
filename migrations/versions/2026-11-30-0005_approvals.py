"""Runs that wait for a person, and who was given which variant of a split."""

from __future__ import annotations

from alembic import op

revision = "0041_approvals"
down_revision = "0040_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE split_exposures (
            tenant_id integer NOT NULL,
            contact_id uuid NOT NULL,
            workflow_id uuid NOT NULL,
            node_id text NOT NULL,
            variant text NOT NULL,
            run_id uuid NOT NULL,
            assigned_at timestamptz NOT NULL,
            CONSTRAINT split_exposures_pkey PRIMARY KEY (tenant_id, contact_id, workflow_id, node_id)
        )
        """
    )
    op.execute("CREATE INDEX active_runs_asking ON active_runs (tenant_id, id) WHERE waits_for = '$person'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX active_runs_asking")
    op.execute("DROP TABLE split_exposures")
