"""What steps write into the logs of their runs, beside the run, in its month."""

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


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE run_logs")
