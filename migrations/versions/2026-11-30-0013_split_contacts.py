"""Reserved: split contacts."""

from __future__ import annotations

revision = "0049_split_contacts"
down_revision = "0048_date_choices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
