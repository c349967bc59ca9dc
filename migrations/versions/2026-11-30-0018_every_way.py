"""Reserved."""

from __future__ import annotations

revision = "0054_every_way"
down_revision = "0053_segments_speed"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
