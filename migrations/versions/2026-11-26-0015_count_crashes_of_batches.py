"""count how often a batch of runs ended with its worker"""

from __future__ import annotations

from alembic import op

revision = "0021_crashes"
down_revision = "0020_servers"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
