"""Reserved."""

from __future__ import annotations

revision = "0056_message_reports"
down_revision = "0055_sandbox"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
