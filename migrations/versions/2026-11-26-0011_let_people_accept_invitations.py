"""let memberships begin as invitations that the person accepts"""

from __future__ import annotations

from alembic import op

revision = "0017_invitations"
down_revision = "0016_principals"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
