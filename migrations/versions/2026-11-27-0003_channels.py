"""Messages of any channel: the queue has lanes by channel, and each channel its default connector."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025_channels"
down_revision = "0024_waits"
branch_labels = None
depends_on = None

LANE = "coalesce(lower(payload ->> 'connectorId'), '')"
WAITING = "status = 0 and due_at is not null and lease_until is null"
OLD_SERVER = (
    "lower(coalesce(config ->> 'host', 'local')) || ' ' || coalesce(config ->> 'port', '') || ' '"
    " || coalesce(config ->> 'security', '') || ' ' || coalesce(config ->> 'username', '')"
)
SERVER = f"case when config ? 'host' or config ? 'local' then {OLD_SERVER} else type || ' ' || id::text end"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("connectors", sa.Column("channel", sa.SmallInteger(), server_default="1", nullable=False))
    op.drop_index("connectors_default", "connectors")
    op.create_index(
        "connectors_default",
        "connectors",
        ["tenant_id", "channel"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.drop_column("connectors", "server")
    op.add_column("connectors", sa.Column("server", sa.Text(), sa.Computed(SERVER, persisted=True), nullable=False))
    op.drop_index("messages_due", "messages")
    op.create_index(
        "messages_due", "messages", ["tenant_id", "channel", sa.text(LANE), "due_at"], postgresql_where=sa.text(WAITING)
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("messages_due", "messages")
    op.create_index(
        "messages_due", "messages", ["tenant_id", sa.text(LANE), "due_at"], postgresql_where=sa.text(WAITING)
    )
    op.drop_column("connectors", "server")
    op.add_column("connectors", sa.Column("server", sa.Text(), sa.Computed(OLD_SERVER, persisted=True), nullable=False))
    op.drop_index("connectors_default", "connectors")
    op.create_index(
        "connectors_default", "connectors", ["tenant_id", "type"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.drop_column("connectors", "channel")
