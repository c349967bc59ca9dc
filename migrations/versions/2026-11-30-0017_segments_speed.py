"""Reserved."""

from __future__ import annotations

revision = "0053_segments_speed"
down_revision = "0052_domain_events"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
