"""count how often a batch of runs ended with its worker"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021_crashes"
down_revision = "0020_servers"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    # Written before each batch: without the log of the server it costs no flush, and after a crash of the server it is empty, as
    # it should be. Ids are random, so compressing them would only cost time.
    op.create_table(
        "batches",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", at, nullable=False),
        sa.Column("open", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("runs", postgresql.ARRAY(sa.UUID()), nullable=True),
        sa.Column("at", at, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("batches_pkey")),
        prefixes=["UNLOGGED"],
    )
    op.execute("ALTER TABLE batches ALTER events SET STORAGE EXTERNAL, ALTER runs SET STORAGE EXTERNAL")
    op.create_table(
        "crashes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("count", sa.SmallInteger(), nullable=False),
        sa.Column("at", at, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("crashes_pkey")),
        sa.UniqueConstraint("inbox_id", name=op.f("crashes_inbox_id_key")),
        sa.UniqueConstraint("run_id", name=op.f("crashes_run_id_key")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # An older release knows no run that is held for this: it tries them again.
    op.execute(
        "UPDATE runs SET status = CASE WHEN resume_port IS NULL THEN 0 ELSE 1 END, resume_at = now()"
        " WHERE status = 3 AND id IN (SELECT run_id FROM crashes)"
    )
    op.drop_table("crashes")
    op.drop_table("batches")
