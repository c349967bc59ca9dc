"""Keys lead with the workspace.

Rows of one workspace lie beside each other in every key, and a list of one reads nothing of the others. Indexes that repeat a key go;
those of contacts end with the contact, so that equal entries share their place.
"""

from __future__ import annotations

from alembic import op

revision = "0030_tenant_keys"
down_revision = "0029_event_keys"
branch_labels = None
depends_on = None

KEYS = {
    # table: (key without the workspace)
    "contacts": "id",
    "templates": "id",
    "connectors": "id",
    "workflows": "id",
    "contact_imports": "id",
    "message_jobs": "id",
    "mailbox_messages": "id",
    "events": "id",
    "inbox": "id",
    "dead_letters": "id",
    "entry_refusals": "id",
    "runs": "id",
    "steps": "run_id, seq",
    "step_attempts": "run_id, seq, attempt",
    "messages": "run_id, seq",
    "message_decisions": "run_id, seq, fence",
    "workflow_versions": "workflow_id, version",
    "draft_changes": "workflow_id, rev",
    "node_stats": "workflow_id, version, node_id, key, shard",
    "contact_import_chunks": "import_id, seq",
    "contact_import_errors": "import_id, row_number",
}
PARENTS = {
    # table: (column, parent)
    "workflow_versions": ("workflow_id", "workflows"),
    "draft_changes": ("workflow_id", "workflows"),
    "contact_import_chunks": ("import_id", "contact_imports"),
    "contact_import_errors": ("import_id", "contact_imports"),
}
OF_RUNS = ("steps", "step_attempts")
OPEN, HELD, FAILED = "status IN (0, 1)", "status = 0 AND due_at IS NULL", "status = 5"
INDEXES = {
    # index: (before, after); None where there is none
    "runs_active": (
        "UNIQUE INDEX runs_active ON runs (contact_id, workflow_id, entry_key) WHERE status < 4",
        "UNIQUE INDEX runs_active ON runs (tenant_id, contact_id, workflow_id, entry_key) WHERE status < 4",
    ),
    "runs_contact": (
        "INDEX runs_contact ON runs (contact_id)",
        "INDEX runs_contact ON runs (tenant_id, contact_id)",
    ),
    "runs_workflow": (
        "INDEX runs_workflow ON runs (workflow_id, id)",
        "INDEX runs_workflow ON runs (tenant_id, workflow_id, id)",
    ),
    "runs_failed": (
        f"INDEX runs_failed ON runs (tenant_id, id DESC) WHERE {FAILED}",
        f"INDEX runs_failed ON runs (tenant_id, id) WHERE {FAILED}",
    ),
    "inbox_event": (None, "INDEX inbox_event ON inbox (tenant_id, event_id) WHERE event_id IS NOT NULL"),
    "events_newest": ("INDEX events_newest ON events (tenant_id, id DESC)", None),
    "events_contact": (
        "INDEX events_contact ON events (contact_id, occurred_at DESC)",
        "INDEX events_contact ON events (tenant_id, contact_id, occurred_at DESC)",
    ),
    "messages_newest": ("INDEX messages_newest ON messages (tenant_id, run_id DESC, seq DESC)", None),
    "messages_contact": (
        "INDEX messages_contact ON messages (contact_id, created_at)",
        "INDEX messages_contact ON messages (tenant_id, contact_id)",
    ),
    "messages_open": (
        f"INDEX messages_open ON messages (contact_id, channel, created_at, run_id, seq) WHERE {OPEN}",
        f"INDEX messages_open ON messages (tenant_id, contact_id, channel, created_at, run_id, seq) WHERE {OPEN}",
    ),
    "messages_held_by_workflow": (
        f"INDEX messages_held_by_workflow ON messages (workflow_id) WHERE {HELD}",
        f"INDEX messages_held_by_workflow ON messages (tenant_id, workflow_id) WHERE {HELD}",
    ),
    "entry_refusals_workflow": (
        "INDEX entry_refusals_workflow ON entry_refusals (workflow_id, id)",
        "INDEX entry_refusals_workflow ON entry_refusals (tenant_id, workflow_id, id)",
    ),
    "entry_refusals_contact": (
        "INDEX entry_refusals_contact ON entry_refusals (contact_id)",
        "INDEX entry_refusals_contact ON entry_refusals (tenant_id, contact_id)",
    ),
    "dead_letters_newest": ("INDEX dead_letters_newest ON dead_letters (tenant_id, id DESC)", None),
    "mailbox_messages_newest": ("INDEX mailbox_messages_newest ON mailbox_messages (tenant_id, id DESC)", None),
    "message_jobs_newest": ("INDEX message_jobs_newest ON message_jobs (tenant_id, id DESC)", None),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, (column, parent) in PARENTS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
        if table == "workflow_versions":
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_tenant_id_fkey")
        else:
            op.execute(f"ALTER TABLE {table} ADD tenant_id int")
            op.execute(f"UPDATE {table} t SET tenant_id = p.tenant_id FROM {parent} p WHERE p.id = t.{column}")
            op.execute(f"ALTER TABLE {table} ALTER tenant_id SET NOT NULL")
    _add_workspace_of_runs()
    _add_workspace_of_crashes()
    for table, key in KEYS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (tenant_id, {key})")
    for table, (column, parent) in PARENTS.items():
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_{column}_fkey FOREIGN KEY (tenant_id, {column})"
            f" REFERENCES {parent} (tenant_id, id) ON DELETE CASCADE"
        )
    _indexes(after=True)


def _add_workspace_of_runs() -> None:
    """Most steps are of one workspace as a rule: theirs is a default that no row has to be rewritten for."""
    for table in OF_RUNS:
        op.execute(f"""
            DO $$
            DECLARE largest int := coalesce((SELECT tenant_id FROM runs GROUP BY 1 ORDER BY count(*) DESC LIMIT 1), 0);
            BEGIN
              EXECUTE format('ALTER TABLE {table} ADD tenant_id int NOT NULL DEFAULT %s', largest);
              UPDATE {table} t SET tenant_id = r.tenant_id FROM runs r WHERE r.tenant_id <> largest AND t.run_id = r.id;
            END $$
        """)
        op.execute(f"ALTER TABLE {table} ALTER tenant_id DROP DEFAULT")


def _add_workspace_of_crashes() -> None:
    """What is no longer there needs no suspicion."""
    op.execute("ALTER TABLE crashes ADD tenant_id int")
    op.execute("UPDATE crashes c SET tenant_id = i.tenant_id FROM inbox i WHERE i.id = c.inbox_id")
    op.execute("UPDATE crashes c SET tenant_id = r.tenant_id FROM runs r WHERE r.id = c.run_id")
    op.execute("DELETE FROM crashes WHERE tenant_id IS NULL")
    op.execute("ALTER TABLE crashes ALTER tenant_id SET NOT NULL")
    op.execute("ALTER TABLE crashes DROP CONSTRAINT crashes_inbox_id_key, DROP CONSTRAINT crashes_run_id_key")
    op.execute("CREATE UNIQUE INDEX crashes_inbox ON crashes (tenant_id, inbox_id)")
    op.execute("CREATE UNIQUE INDEX crashes_run ON crashes (tenant_id, run_id)")
    op.execute("ALTER TABLE batches ADD tenants int[]")
    op.execute(
        "UPDATE batches b SET tenants = ARRAY(SELECT tenant_id FROM inbox WHERE id = ANY (b.events)"
        " UNION SELECT tenant_id FROM runs WHERE id = ANY (b.runs))"
    )


def _indexes(*, after: bool) -> None:
    for name, (was, becomes) in INDEXES.items():
        old, new = (was, becomes) if after else (becomes, was)
        if old is not None:
            op.execute(f"DROP INDEX {name}")
        if new is not None:
            op.execute(f"CREATE {new}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, (column, _) in PARENTS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_tenant_id_{column}_fkey")
    for table, key in KEYS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
    _indexes(after=False)
    for table, (column, parent) in PARENTS.items():
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey FOREIGN KEY ({column})"
            f" REFERENCES {parent} (id) ON DELETE CASCADE"
        )
        if table == "workflow_versions":
            op.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_fkey FOREIGN KEY (tenant_id)"
                " REFERENCES workspaces (id) ON DELETE CASCADE"
            )
        else:
            op.execute(f"ALTER TABLE {table} DROP tenant_id")
    for table in OF_RUNS:
        op.execute(f"ALTER TABLE {table} DROP tenant_id")
    op.execute("DROP INDEX crashes_inbox")
    op.execute("DROP INDEX crashes_run")
    op.execute(
        "ALTER TABLE crashes DROP tenant_id, ADD CONSTRAINT crashes_inbox_id_key UNIQUE (inbox_id),"
        " ADD CONSTRAINT crashes_run_id_key UNIQUE (run_id)"
    )
    op.execute("ALTER TABLE batches DROP tenants")
