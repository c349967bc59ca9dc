"""Reserved."""

from __future__ import annotations

revision = "0057_text_channels"
down_revision = "0056_message_reports"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
