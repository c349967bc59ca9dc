"""Reserved."""

from __future__ import annotations

revision = "0058_gateway"
down_revision = "0057_text_channels"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
