"""Reserved."""

from __future__ import annotations

revision = "0072_gateway"
down_revision = "0071_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
