"""Keys lead with the workspace."""

from __future__ import annotations

revision = "0030_tenant_keys"
down_revision = "0029_event_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
