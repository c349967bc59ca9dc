"""Connectors have limits that hold over all workers, a place in the order of stand-ins, and a gate that counts for them."""

from __future__ import annotations

from alembic import op

revision = "0058_gateway"
down_revision = "0057_text_channels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        ALTER TABLE connectors
            ADD COLUMN max_concurrent integer,
            ADD COLUMN rate integer,
            ADD COLUMN rate_seconds integer,
            ADD COLUMN burst integer,
            ADD COLUMN stand_in smallint,
            ADD COLUMN paused_until timestamptz
        """
    )
    op.execute(
        """
        CREATE TABLE connector_gates (
            tenant_id integer NOT NULL,
            connector_id uuid NOT NULL,
            tokens double precision,
            tokens_at timestamptz,
            failures_in_row integer NOT NULL DEFAULT 0,
            access_token bytea,
            access_token_until timestamptz,
            access_token_lease timestamptz,
            CONSTRAINT connector_gates_pkey PRIMARY KEY (tenant_id, connector_id),
            CONSTRAINT connector_gates_tenant_id_connector_id_fkey FOREIGN KEY (tenant_id, connector_id)
                REFERENCES connectors (tenant_id, id) ON DELETE CASCADE
        ) WITH (fillfactor = 50)
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE connector_gates")
    op.execute(
        """
        ALTER TABLE connectors
            DROP COLUMN max_concurrent,
            DROP COLUMN rate,
            DROP COLUMN rate_seconds,
            DROP COLUMN burst,
            DROP COLUMN stand_in,
            DROP COLUMN paused_until
        """
    )
