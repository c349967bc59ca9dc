"""Reserved."""

from __future__ import annotations

revision = "0071_consent"
down_revision = "0070_floods"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
