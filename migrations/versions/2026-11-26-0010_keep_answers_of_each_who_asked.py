"""keep the answer to a repeated request for whoever asked, and for nobody else"""

from __future__ import annotations

from alembic import op

revision = "0016_principals"
down_revision = "0015_maker_keys"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
