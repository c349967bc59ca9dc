"""Endpoints of other programs, and the events that are to reach them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052_domain_events"
down_revision = "0051_outbound_calls"
branch_labels = None
depends_on = None

UUID, AT = postgresql.UUID(as_uuid=True), postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "webhook_endpoints",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("failing_since", AT),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", AT, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("updated_at", AT, server_default=sa.text("clock_now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("webhook_endpoints_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("webhook_endpoints_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.CheckConstraint("enabled = (disabled_reason is null)", name=op.f("webhook_endpoints_disabled_check")),
    )
    op.create_index(
        "webhook_endpoints_enabled", "webhook_endpoints", ["tenant_id", "id"], postgresql_where=sa.text("enabled")
    )
    op.create_table(
        "event_deliveries",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", UUID, nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("contact_id", UUID),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("occurred_at", AT, nullable=False),
        sa.Column("status", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_at", AT),
        sa.Column("lease_until", AT),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled_at", AT),
        sa.Column("http_status", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("tries", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "endpoint_id", "id", name=op.f("event_deliveries_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["webhook_endpoints.tenant_id", "webhook_endpoints.id"],
            name=op.f("event_deliveries_tenant_id_endpoint_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "event_deliveries_due",
        "event_deliveries",
        ["tenant_id", "endpoint_id", "next_at"],
        postgresql_where=sa.text("next_at is not null"),
    )
    op.create_index("event_deliveries_log", "event_deliveries", ["tenant_id", "endpoint_id", "occurred_at", "id"])
    op.create_index("event_deliveries_contact", "event_deliveries", ["tenant_id", "contact_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("event_deliveries")
    op.drop_table("webhook_endpoints")
