"""bound what is kept: by age, by number, by workspace"""

from __future__ import annotations

from alembic import op

revision = "0023_retention"
down_revision = "0022_troubles"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
