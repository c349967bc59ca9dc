"""Event sinks of the installation, what waits for them, and what came from outside by a bus."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0059_event_sinks"
down_revision = "0058_gateway"
branch_labels = None
depends_on = None

UUID, AT = postgresql.UUID(as_uuid=True), postgresql.TIMESTAMP(timezone=True)


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"{table}_tenant_id_fkey")
    return sa.ForeignKeyConstraint(["tenant_id"], ["workspaces.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "event_sinks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("tenant_ids", postgresql.ARRAY(sa.Integer())),
        sa.Column("seen_at", AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("failing_since", AT),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("name", name=op.f("event_sinks_pkey")),
    )
    op.create_table(
        "sink_events",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("contact_id", UUID),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("occurred_at", AT, nullable=False),
        sa.Column("written_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sink", "n", name=op.f("sink_events_pkey")),
        _of_workspace("sink_events"),
    )
    op.create_index("sink_events_contact", "sink_events", ["tenant_id", "contact_id"])
    op.create_table(
        "inbound_messages",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", AT, server_default=sa.text("clock_now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("inbound_messages_pkey")),
        _of_workspace("inbound_messages"),
    )
    op.create_index("inbound_messages_at", "inbound_messages", ["tenant_id", "at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("inbound_messages")
    op.drop_table("sink_events")
    op.drop_table("event_sinks")
