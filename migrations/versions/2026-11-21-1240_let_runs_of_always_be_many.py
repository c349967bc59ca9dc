"""let a contact have many active runs where the workflow allows it: entry_key NULL, which the unique index leaves alone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_engine"
down_revision = "0005_shell"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("UPDATE runs SET entry_key = '' WHERE entry_key IS NULL AND status < 4")
    op.drop_index("runs_active", "runs", postgresql_where=sa.text("status < 4"))
    op.create_index(
        "runs_active",
        "runs",
        ["contact_id", "workflow_id", "entry_key"],
        unique=True,
        postgresql_where=sa.text("status < 4"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("UPDATE runs SET entry_key = id::text WHERE entry_key IS NULL AND status < 4")
    op.drop_index("runs_active", "runs", postgresql_where=sa.text("status < 4"))
    op.create_index(
        "runs_active",
        "runs",
        ["contact_id", "workflow_id", sa.literal_column("coalesce(entry_key, '')")],
        unique=True,
        postgresql_where=sa.text("status < 4"),
    )
