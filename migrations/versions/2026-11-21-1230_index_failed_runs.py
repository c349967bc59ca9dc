"""Find the newest failed runs of a workspace without walking all of its runs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_shell"
down_revision = "0004_engine"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("runs_failed", "runs", ["tenant_id", sa.text("id desc")], postgresql_where=sa.text("status = 5"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("runs_failed", table_name="runs")
