"""give API keys scopes and a maker, and remember which secret key sealed what"""

from __future__ import annotations

from alembic import op

revision = "0018_scopes"
down_revision = "0017_invitations"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
