"""Folders and tags of workflows and templates."""

from __future__ import annotations

from alembic import op

revision = "0081_folders"
down_revision = "0080_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE folders (
            tenant_id integer NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
            id uuid NOT NULL,
            kind text NOT NULL CONSTRAINT folders_kind_check CHECK (kind in ('workflow', 'template')),
            name text NOT NULL,
            parent_id uuid,
            created_at timestamptz DEFAULT clock_now() NOT NULL,
            updated_at timestamptz DEFAULT clock_now() NOT NULL,
            PRIMARY KEY (tenant_id, id),
            FOREIGN KEY (tenant_id, parent_id) REFERENCES folders (tenant_id, id),
            CONSTRAINT folders_tenant_id_kind_parent_id_name_key UNIQUE NULLS NOT DISTINCT (tenant_id, kind, parent_id, name)
        )
        """
    )
    op.execute("CREATE INDEX folders_parent ON folders (tenant_id, parent_id)")
    # Few rows a workspace have them, and none has a folder yet: the keys are checked and the indexes made in milliseconds.
    for table in ("workflows", "templates"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN folder_id uuid, ADD COLUMN tags text[] DEFAULT '{{}}' NOT NULL")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_folder_id_fkey"
            " FOREIGN KEY (tenant_id, folder_id) REFERENCES folders (tenant_id, id)"
        )
        op.execute(f"CREATE INDEX {table}_folder ON {table} (tenant_id, folder_id)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("workflows", "templates"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN folder_id, DROP COLUMN tags")
    op.execute("DROP TABLE folders")
