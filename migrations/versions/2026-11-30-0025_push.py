"""Push: devices of contacts, and what became of a message at each of them."""

from __future__ import annotations

from alembic import op

revision = "0061_push"
down_revision = "0060_run_logs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE contact_devices (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            contact_id uuid NOT NULL,
            digest bytea NOT NULL,
            token text NOT NULL,
            platform text NOT NULL,
            app text NOT NULL DEFAULT '',
            keys jsonb,
            connector_id uuid,
            created_at timestamptz NOT NULL DEFAULT clock_now(),
            last_seen_at timestamptz NOT NULL DEFAULT clock_now(),
            CONSTRAINT contact_devices_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT contact_devices_contact FOREIGN KEY (tenant_id, contact_id)
                REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX contact_devices_digest ON contact_devices (tenant_id, digest)")
    op.execute("CREATE INDEX contact_devices_contact_id ON contact_devices (tenant_id, contact_id, last_seen_at)")
    op.execute("ALTER TABLE messages ADD devices jsonb")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE messages DROP devices")
    op.execute("DROP TABLE contact_devices")
