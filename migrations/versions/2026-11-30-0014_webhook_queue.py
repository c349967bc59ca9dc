"""Lanes of the inbox: who calls one webhook's address too often waits behind itself, and nobody else does.

While processes of the release before still run, they sort what waits of a workspace and priority, since the lane stands between: the
inbox is short then, or they are slow until they are replaced, and nothing is lost. Rows that wait now stay in everybody's lane.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050_webhook_queue"
down_revision = "0049_split_contacts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _key_of_inbox("tenant_id, priority, lane, id", "ADD COLUMN lane bigint NOT NULL DEFAULT 0")
    # A start is found by its run alone now: what waits of an address is its lane.
    op.drop_index("inbox_triggered", table_name="inbox")
    op.add_column("crashes", sa.Column("lane", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("ALTER TABLE batches ADD lanes bigint[]")
    op.execute("ALTER TABLE batches ALTER lanes SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE batches DROP lanes")
    op.drop_column("crashes", "lane")
    op.create_index(
        "inbox_triggered", "inbox", ["tenant_id", "workflow_id", "name"], postgresql_where=sa.text("kind = 6")
    )
    _key_of_inbox("tenant_id, priority, id", "DROP COLUMN lane")


def _key_of_inbox(columns: str, change: str) -> None:
    op.execute("ALTER TABLE inbox DROP CONSTRAINT inbox_pkey")
    op.execute(f"ALTER TABLE inbox {change}")
    op.execute(f"ALTER TABLE inbox ADD CONSTRAINT inbox_pkey PRIMARY KEY ({columns})")
