"""Keep the headers of answers that are given again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002_accounts"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    op.add_column("idempotency_keys", sa.Column("headers", JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    op.drop_column("idempotency_keys", "headers")
