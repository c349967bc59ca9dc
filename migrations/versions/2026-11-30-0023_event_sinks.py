"""Reserved."""

from __future__ import annotations

revision = "0059_event_sinks"
down_revision = "0058_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
