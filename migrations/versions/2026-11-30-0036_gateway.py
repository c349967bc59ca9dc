"""Buses: how much waits on one that messages come in by, how many of them are given out, and since when some always waited."""

from __future__ import annotations

from alembic import op

revision = "0072_gateway"
down_revision = "0071_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table event_sinks add waiting bigint, add unacknowledged bigint, add behind_since timestamptz")


def downgrade() -> None:
    op.execute("alter table event_sinks drop waiting, drop unacknowledged, drop behind_since")
