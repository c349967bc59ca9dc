"""keep the ids that clients give events apart from those made of an Idempotency-Key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_events"
down_revision = "0011_occurrence"


PREFIX = "idempotency-key:"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("events", sa.Column("request_key", sa.Text(), nullable=True))
    op.execute(
        f"UPDATE events SET request_key = substr(key, {len(PREFIX) + 1}), key = NULL WHERE starts_with(key, '{PREFIX}')"
    )
    op.create_index(
        "events_request_key",
        "events",
        ["tenant_id", "request_key"],
        unique=True,
        postgresql_where=sa.text("request_key is not null"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("events_request_key", "events")
    op.execute(f"UPDATE events SET key = '{PREFIX}' || request_key WHERE request_key IS NOT NULL AND key IS NULL")
    op.drop_column("events", "request_key")
