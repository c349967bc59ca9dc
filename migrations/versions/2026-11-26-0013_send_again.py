"""let messages be sent again, by a person or by the policy of their workflow"""

from __future__ import annotations

from alembic import op

revision = "0019_resend"
down_revision = "0018_scopes"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
