"""tell where a message belongs, by which connector it leaves, why it did not leave, and since when that is known"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009_messages"
down_revision = "0008_engine"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("messages", sa.Column("workflow_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("messages", sa.Column("node_id", sa.Text(), server_default="", nullable=False))
    op.add_column("messages", sa.Column("connector_id", sa.UUID(), nullable=True))
    op.add_column("messages", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("settled_at", at, nullable=True))
    op.execute(
        """
        UPDATE messages m SET workflow_version = r.workflow_version,
          node_id = coalesce((SELECT s.node_id FROM steps s WHERE s.run_id = m.run_id AND s.seq = m.seq), r.current_node_id, ''),
          settled_at = CASE WHEN m.status > 1 THEN coalesce(m.sent_at, r.completed_at, m.created_at) END
        FROM runs r WHERE r.id = m.run_id
        """
    )
    # A run no longer waits without end for a message whose fate nobody knows.
    op.execute(
        "UPDATE messages SET due_at = clock_now() + interval '24 hours' WHERE status = 9 AND payload ? 'awaited'"
    )
    op.execute(
        """
        INSERT INTO node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
        SELECT workflow_id, workflow_version, node_id, 'message.' || CASE status WHEN 2 THEN 'sent'
            WHEN 8 THEN 'failed' || CASE WHEN payload ? 'awaited' THEN '.awaited' ELSE '' END
            WHEN 9 THEN 'uncertain' WHEN 10 THEN 'suppressed' ELSE 'queued' END, 0, tenant_id, count(*)
        FROM messages WHERE node_id <> '' GROUP BY 1, 2, 3, 4, 6
        """
    )
    # A later message of a contact waits for the earlier ones on the same channel.
    op.create_index(
        "messages_open",
        "messages",
        ["contact_id", "channel", "created_at", "run_id", "seq"],
        postgresql_where=sa.text("status in (0, 1)"),
    )
    op.create_index(
        "messages_troubled",
        "messages",
        ["tenant_id", sa.text("settled_at desc")],
        postgresql_where=sa.text("status in (8, 9)"),
    )
    op.create_index(
        "messages_held",
        "messages",
        ["tenant_id", "connector_id"],
        postgresql_where=sa.text("status = 0 and due_at is null"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for index in ("messages_held", "messages_troubled", "messages_open"):
        op.drop_index(index, "messages")
    # What an older version would never send again, it is to look at.
    op.execute("UPDATE messages SET due_at = clock_now() WHERE status = 0 AND due_at IS NULL")
    op.execute("UPDATE messages SET due_at = NULL WHERE status = 9")
    op.execute("DELETE FROM node_stats WHERE key LIKE 'message.%'")
    for column in ("settled_at", "reason", "connector_id", "node_id", "workflow_version"):
        op.drop_column("messages", column)
