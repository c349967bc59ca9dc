"""Push: devices of contacts and keys of Web Push."""

from __future__ import annotations

revision = "0061_push"
down_revision = "0060_run_logs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
