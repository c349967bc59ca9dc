"""What people keep of lists: views and columns; and what is done with many of their rows."""

from __future__ import annotations

from alembic import op

revision = "0080_lists"
down_revision = "0079_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE list_views (
            tenant_id integer NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
            id uuid NOT NULL,
            list_name text NOT NULL,
            name text NOT NULL,
            owner_id uuid REFERENCES users (id) ON DELETE SET NULL,
            shared boolean DEFAULT false NOT NULL,
            query jsonb NOT NULL,
            created_at timestamptz DEFAULT clock_now() NOT NULL,
            updated_at timestamptz DEFAULT clock_now() NOT NULL,
            PRIMARY KEY (tenant_id, id)
        )
        """
    )
    op.execute("CREATE INDEX list_views_list ON list_views (tenant_id, list_name)")
    op.execute(
        """
        CREATE TABLE list_columns (
            tenant_id integer NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            list_name text NOT NULL,
            columns text[] NOT NULL,
            PRIMARY KEY (tenant_id, user_id, list_name)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE bulk_jobs (
            tenant_id integer NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
            id uuid NOT NULL,
            list_name text NOT NULL,
            verb text NOT NULL,
            arguments jsonb NOT NULL,
            label text DEFAULT '' NOT NULL,
            target_ids uuid[] NOT NULL,
            matched integer NOT NULL,
            reached integer DEFAULT 0 NOT NULL,
            changed_ids uuid[] DEFAULT '{}' NOT NULL,
            done integer DEFAULT 0 NOT NULL,
            refused integer DEFAULT 0 NOT NULL,
            reason text,
            by_id uuid NOT NULL,
            by_name text NOT NULL,
            undoes uuid,
            undone boolean DEFAULT false NOT NULL,
            created_at timestamptz DEFAULT clock_now() NOT NULL,
            next_at timestamptz,
            finished_at timestamptz,
            PRIMARY KEY (tenant_id, id),
            CONSTRAINT bulk_jobs_over_check CHECK ((next_at IS NULL) = (finished_at IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX bulk_jobs_due ON bulk_jobs (next_at) WHERE next_at IS NOT NULL")
    op.execute("CREATE INDEX bulk_jobs_list ON bulk_jobs (tenant_id, list_name, created_at)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE bulk_jobs")
    op.execute("DROP TABLE list_columns")
    op.execute("DROP TABLE list_views")
