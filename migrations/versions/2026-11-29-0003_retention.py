"""Counters, and who may enter only once, outlive the rows that told so; it is known since when there are rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
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
        CREATE TABLE entries (
            tenant_id int NOT NULL,
            contact_id uuid NOT NULL,
            workflow_id uuid NOT NULL,
            entry_key text NOT NULL,
            last_started timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, contact_id, workflow_id, entry_key)
        )
    """)
    op.execute("ALTER TABLE workflows ADD entries_complete boolean")
    _remember_entries()
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
    _keep_older_runs()


def _keep_older_runs() -> None:
    """An update removes nothing: who has runs older than what is kept from now on keeps them until somebody decides otherwise."""
    ended = datetime.now(UTC) - timedelta(days=395)
    first_kept = UUID(int=int(ended.timestamp() * 1000) << 80)
    op.execute(
        sa.text("""
        UPDATE workspaces w
        SET settings = jsonb_set(w.settings, '{retention}', coalesce(w.settings->'retention', '{}') || '{"runs": 0}')
        WHERE EXISTS (SELECT FROM ended_runs r WHERE r.tenant_id = w.id AND r.id < :first_kept)
        """).bindparams(first_kept=first_kept)
    )


def _remember_entries() -> None:
    """Of workflows that ask now when somebody last entered. No worker runs meanwhile, so all entries are there afterwards."""
    op.execute("""
        UPDATE workflows w SET entries_complete = true FROM workflow_versions v
        WHERE v.tenant_id = w.tenant_id AND v.workflow_id = w.id AND v.version = w.live_version
          AND v.graph->'settings'->>'reentry' IN ('once', 'cooldown')
    """)
    op.execute("""
        INSERT INTO entries (tenant_id, contact_id, workflow_id, entry_key, last_started)
        SELECT r.tenant_id, r.contact_id, r.workflow_id, coalesce(r.entry_key, ''), max(r.started_at)
        FROM runs r JOIN workflows w ON w.tenant_id = r.tenant_id AND w.id = r.workflow_id AND w.entries_complete
        JOIN contacts c ON c.tenant_id = r.tenant_id AND c.id = r.contact_id
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "UPDATE workspaces SET settings = settings #- '{retention,runs}' WHERE settings #> '{retention,runs}' IS NOT NULL"
    )
    op.execute("ALTER TABLE workflows DROP entries_complete")
    op.execute("DROP TABLE entries")
    op.execute("DROP TABLE history_starts")
    op.execute("DROP TABLE leaving_months")
    op.execute("DROP TABLE retired_stats")
