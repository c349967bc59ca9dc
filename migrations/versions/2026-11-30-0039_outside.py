"""Hosts that are called without a connector have a breaker; gates say when a connector was last used, and what was refused by it."""

from __future__ import annotations

from alembic import op

revision = "0075_outside"
down_revision = "0074_segments_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE service_hosts (
            tenant_id integer NOT NULL,
            host text NOT NULL,
            state text NOT NULL DEFAULT 'ok',
            state_since timestamptz,
            state_message text,
            failures_in_row integer NOT NULL DEFAULT 0,
            failures smallint NOT NULL DEFAULT 0,
            probe_at timestamptz,
            paused_until timestamptz,
            noted_at timestamptz NOT NULL DEFAULT clock_now(),
            CONSTRAINT service_hosts_pkey PRIMARY KEY (tenant_id, host),
            CONSTRAINT service_hosts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES workspaces (id) ON DELETE CASCADE
        ) WITH (fillfactor = 50)
        """
    )
    op.execute(
        """
        ALTER TABLE connector_gates
            ADD COLUMN used_at timestamptz,
            ADD COLUMN refused_request text,
            ADD COLUMN refusals_in_row integer NOT NULL DEFAULT 0,
            ADD COLUMN renewal_cut_at timestamptz
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        ALTER TABLE connector_gates
            DROP COLUMN used_at,
            DROP COLUMN refused_request,
            DROP COLUMN refusals_in_row,
            DROP COLUMN renewal_cut_at
        """
    )
    op.execute("DROP TABLE service_hosts")
