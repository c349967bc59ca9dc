"""What steps write into the logs of their runs, beside the run, in its month; and what runs do, for those who watch a workspace."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0060_run_logs"
down_revision = "0059_event_sinks"
branch_labels = None
depends_on = None

MONTHS = """
select substring(c.relname from '^steps_(.*)$'), pg_get_expr(c.relpartbound, c.oid)
from pg_inherits i join pg_class t on t.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
where t.relname = 'steps' and t.relnamespace = current_schema()::regnamespace order by 1
"""
"""The months of a table whose months leave together with those of this one."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE run_logs (
            tenant_id integer NOT NULL,
            run_id uuid NOT NULL,
            fence integer NOT NULL,
            part smallint NOT NULL,
            seq smallint NOT NULL,
            node_id text NOT NULL,
            at timestamptz NOT NULL,
            lines jsonb NOT NULL,
            CONSTRAINT run_logs_pkey PRIMARY KEY (tenant_id, run_id, fence, part)
        ) PARTITION BY RANGE (run_id)
        """
    )
    connection = op.get_bind()
    months = dict(connection.execute(text(MONTHS)).all())
    for suffix, bound in months.items():
        op.execute(f"CREATE TABLE run_logs_{suffix} PARTITION OF run_logs {bound}")
    for (suffix,) in connection.execute(text("select suffix from leaving_months where kind = 'runs'")).all():
        if suffix not in months:  # on its way out: whoever finishes drops a table of each kind
            op.execute(f"CREATE TABLE run_logs_{suffix} (LIKE run_logs INCLUDING DEFAULTS)")
    op.execute(
        """
        CREATE TABLE live_listeners (
            tenant_id integer NOT NULL CONSTRAINT live_listeners_tenant_id_fkey REFERENCES workspaces (id) ON DELETE CASCADE,
            until timestamptz NOT NULL,
            CONSTRAINT live_listeners_pkey PRIMARY KEY (tenant_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE live_moves (
            tenant_id integer NOT NULL,
            xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
            id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
            at timestamptz NOT NULL,
            written_at timestamptz DEFAULT now() NOT NULL,
            moves jsonb NOT NULL,
            left_out integer DEFAULT 0 NOT NULL,
            CONSTRAINT live_moves_pkey PRIMARY KEY (tenant_id, xid, id)
        )
        """
    )
    # Engines learn from the epoch of a workspace that somebody watches it.
    op.execute(
        """
        CREATE TRIGGER live_listeners_epoch AFTER INSERT OR UPDATE ON live_listeners
        FOR EACH ROW EXECUTE FUNCTION raise_workflow_epoch()
        """
    )
    # The bell of web processes: it rings at the commit, and what it says is in the table.
    op.execute(
        """
        CREATE FUNCTION ring_live() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_notify('live_moved', ''); RETURN NULL; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER live_moves_ring AFTER INSERT ON live_moves FOR EACH STATEMENT EXECUTE FUNCTION ring_live()
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE live_moves")
    op.execute("DROP TABLE live_listeners")
    op.execute("DROP FUNCTION ring_live()")
    op.execute("DROP TABLE run_logs")
