"""Counters outlive the rows they count, and it is known since when there are rows."""

from __future__ import annotations

from alembic import op

revision = "0035_retention"
down_revision = "0034_contact_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE retired_stats (
            tenant_id int NOT NULL,
            workflow_id uuid NOT NULL,
            version int NOT NULL,
            node_id text NOT NULL,
            key text NOT NULL,
            month text NOT NULL DEFAULT '',
            n bigint NOT NULL,
            PRIMARY KEY (tenant_id, workflow_id, version, node_id, key, month)
        )
    """)
    op.execute("""
        CREATE TABLE leaving_months (
            kind text NOT NULL,
            suffix text NOT NULL,
            first uuid NOT NULL,
            until uuid NOT NULL,
            replaced boolean NOT NULL,
            PRIMARY KEY (kind, suffix)
        )
    """)
    op.execute("""
        CREATE TABLE history_starts (
            tenant_id int NOT NULL,
            rule text NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, rule)
        )
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE history_starts")
    op.execute("DROP TABLE leaving_months")
    op.execute("DROP TABLE retired_stats")
