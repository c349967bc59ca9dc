"""Reserved: domain events."""

from __future__ import annotations

revision = "0052_domain_events"
down_revision = "0051_outbound_calls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
