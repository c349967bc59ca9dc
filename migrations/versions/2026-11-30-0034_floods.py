"""Starts that wait for their turn remember the lane of the inbox out of which they came."""

from __future__ import annotations

from alembic import op

revision = "0070_floods"
down_revision = "0068_reader_settings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table waiting_starts add column lane bigint not null default 0")


def downgrade() -> None:
    op.execute("alter table waiting_starts drop column lane")
