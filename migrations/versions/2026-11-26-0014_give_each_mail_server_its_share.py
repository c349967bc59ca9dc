"""give each mail server its share, and tell what was claimed from what is being sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_servers"
down_revision = "0019_resend"

LANE = "coalesce(lower(payload ->> 'connectorId'), '')"
WAITING = "status = 0 and due_at is not null and lease_until is null"
SERVER = (
    "lower(coalesce(config ->> 'host', 'local')) || ' ' || coalesce(config ->> 'port', '') || ' '"
    " || coalesce(config ->> 'security', '') || ' ' || coalesce(config ->> 'username', '')"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("connectors", sa.Column("server", sa.Text(), sa.Computed(SERVER, persisted=True), nullable=False))
    op.add_column("connectors", sa.Column("probe_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("connectors", sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("connectors", sa.Column("room", sa.SmallInteger(), nullable=True))
    op.create_index("connectors_probed", "connectors", ["probe_at"], postgresql_where=sa.text("probe_at is not null"))
    # A server that is away now is tried at once, by one mail.
    op.execute("UPDATE connectors SET probe_at = clock_now() WHERE state = 'away'")
    op.add_column("messages", sa.Column("first_tried_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.drop_index("messages_due", "messages")
    op.create_index(
        "messages_due", "messages", ["tenant_id", sa.text(LANE), "due_at"], postgresql_where=sa.text(WAITING)
    )
    op.create_index(
        "messages_undecided",
        "messages",
        ["due_at"],
        postgresql_where=sa.text("status = 9 and due_at is not null"),
    )
    op.drop_index("messages_held", "messages")
    op.create_index(
        "messages_held",
        "messages",
        ["tenant_id", "connector_id", "created_at"],
        postgresql_where=sa.text("status = 0 and due_at is null"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # An older version knows neither a claim nor a server that holds its mail: both go back to the queue.
    op.execute("UPDATE messages SET lease_until = NULL, fence = fence + 1 WHERE status = 0 AND lease_until IS NOT NULL")
    op.execute(
        "UPDATE messages SET due_at = clock_now(), reason = NULL, error_message = NULL"
        " WHERE status = 0 AND due_at IS NULL AND reason = 'server_away'"
    )
    op.drop_index("messages_held", "messages")
    op.create_index(
        "messages_held",
        "messages",
        ["tenant_id", "connector_id"],
        postgresql_where=sa.text("status = 0 and due_at is null"),
    )
    op.drop_index("messages_undecided", "messages")
    op.drop_index("messages_due", "messages")
    op.create_index("messages_due", "messages", ["due_at"], postgresql_where=sa.text("due_at is not null"))
    op.drop_column("messages", "first_tried_at")
    op.drop_index("connectors_probed", "connectors")
    for column in ("room", "failures", "probe_at", "server"):
        op.drop_column("connectors", column)
