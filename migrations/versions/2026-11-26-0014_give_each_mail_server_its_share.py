"""give each mail server its share, and tell what was claimed from what is being sent"""

from __future__ import annotations

from alembic import op

revision = "0020_servers"
down_revision = "0019_resend"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
