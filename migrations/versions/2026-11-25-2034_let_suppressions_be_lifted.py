"""let a suppression say what stood behind it, and be lifted by somebody with a reason"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_suppressions"
down_revision = "0012_events"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("suppressions", sa.Column("detail", sa.Text(), nullable=True))
    op.add_column("suppressions", sa.Column("lifted_at", at, nullable=True))
    op.add_column("suppressions", sa.Column("lifted_by", sa.Text(), nullable=True))
    op.add_column("suppressions", sa.Column("lifted_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM suppressions WHERE lifted_at IS NOT NULL")
    for column in ("lifted_reason", "lifted_by", "lifted_at", "detail"):
        op.drop_column("suppressions", column)
