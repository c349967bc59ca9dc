"""Find sends whose owner is gone without scanning the queue"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_messaging"
down_revision = "0002_accounts"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("messages_leased", "messages", ["lease_until"], postgresql_where=sa.text("lease_until is not null"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("messages_leased", table_name="messages")
