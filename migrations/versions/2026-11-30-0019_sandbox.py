"""Reserved."""

from __future__ import annotations

revision = "0055_sandbox"
down_revision = "0054_every_way"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
