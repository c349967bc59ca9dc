"""write down which API key made a workflow or a version, when no user did"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_maker_keys"
down_revision = "0014_contacts"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("workflows", "workflow_versions"):
        op.add_column(table, sa.Column("created_by_key", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"{table}_created_by_key_fkey"), table, "api_keys", ["created_by_key"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("workflows", "workflow_versions"):
        op.drop_column(table, "created_by_key")
