"""tell whether a connector works, since when it does not, and what its server said"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_connectors"
down_revision = "0009_messages"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("connectors", sa.Column("state", sa.Text(), server_default="ok", nullable=False))
    op.add_column("connectors", sa.Column("state_since", at, nullable=True))
    op.add_column("connectors", sa.Column("state_message", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for column in ("state_message", "state_since", "state"):
        op.drop_column("connectors", column)
