"""keep all of an event that was set aside, so that it can be tried again, and find those of a workspace or contact"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022_troubles"
down_revision = "0021_crashes"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("dead_letters", sa.Column("kind", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("dead_letters", sa.Column("event_id", sa.Uuid(), nullable=True))
    op.add_column("dead_letters", sa.Column("workflow_id", sa.Uuid(), nullable=True))
    op.add_column("dead_letters", sa.Column("run_id", sa.Uuid(), nullable=True))
    op.add_column("dead_letters", sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("dead_letters", sa.Column("occurred_at", at, nullable=True))
    op.add_column("dead_letters", sa.Column("arrived_at", at, nullable=True))
    op.create_index("dead_letters_newest", "dead_letters", ["tenant_id", sa.text("id desc")])
    op.create_index("dead_letters_contact", "dead_letters", ["tenant_id", "contact_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("dead_letters_contact", table_name="dead_letters")
    op.drop_index("dead_letters_newest", table_name="dead_letters")
    for column in ("arrived_at", "occurred_at", "depth", "run_id", "workflow_id", "event_id", "kind"):
        op.drop_column("dead_letters", column)
