"""Connectors name another of their channel that stands in for them; the number that held a place in an order was never used."""

from __future__ import annotations

from alembic import op

revision = "0063_senders"
down_revision = "0062_poll"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        ALTER TABLE connectors
            DROP COLUMN stand_in,
            ADD COLUMN stand_in_id uuid,
            ADD CONSTRAINT connectors_tenant_id_stand_in_id_fkey
                FOREIGN KEY (tenant_id, stand_in_id) REFERENCES connectors (tenant_id, id)
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        ALTER TABLE connectors
            DROP CONSTRAINT connectors_tenant_id_stand_in_id_fkey,
            DROP COLUMN stand_in_id,
            ADD COLUMN stand_in smallint
        """
    )
