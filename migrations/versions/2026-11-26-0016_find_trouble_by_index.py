"""find what does not move by an index"""

from __future__ import annotations

from alembic import op

revision = "0022_troubles"
down_revision = "0021_crashes"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
