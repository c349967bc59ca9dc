"""Which trigger started a run, now that a workflow may have several. NULL, as in all rows so far: the one called `trigger`.

Documents stay as they are stored: those with a single `trigger` are read as before, and are written anew when they are saved.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023_triggers"
down_revision = "0022_troubles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("runs", sa.Column("trigger_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("runs", "trigger_id")
