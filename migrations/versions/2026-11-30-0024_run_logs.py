"""Reserved."""

from __future__ import annotations

revision = "0060_run_logs"
down_revision = "0059_event_sinks"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
