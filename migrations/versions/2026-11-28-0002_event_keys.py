"""Keys of events that were taken in, apart from the events."""

from __future__ import annotations

revision = "0029_event_keys"
down_revision = "0028_lower_addresses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
