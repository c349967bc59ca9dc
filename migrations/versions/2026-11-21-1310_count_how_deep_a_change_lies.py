"""count how deep a change of a contact by a workflow lies, so that workflows that answer each other come to an end"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_engine"
down_revision = "0007_lead"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("inbox", sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("inbox", "depth")
