"""Calls that steps made outside: what was sent and answered, beside the run, in its month."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0051_outbound_calls"
down_revision = "0050_webhook_queue"
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
        CREATE TABLE outbound_calls (
            tenant_id integer NOT NULL,
            run_id uuid NOT NULL,
            seq smallint NOT NULL,
            attempt smallint NOT NULL,
            node_id text NOT NULL,
            kind text NOT NULL,
            target text NOT NULL,
            status text NOT NULL,
            times smallint NOT NULL,
            detail jsonb,
            asked_at timestamptz NOT NULL,
            ended_at timestamptz NOT NULL,
            CONSTRAINT outbound_calls_pkey PRIMARY KEY (tenant_id, run_id, seq, attempt)
        ) PARTITION BY RANGE (run_id)
        """
    )
    connection = op.get_bind()
    months = dict(connection.execute(text(MONTHS)).all())
    for suffix, bound in months.items():
        op.execute(f"CREATE TABLE outbound_calls_{suffix} PARTITION OF outbound_calls {bound}")
    for (suffix,) in connection.execute(text("select suffix from leaving_months where kind = 'runs'")).all():
        if suffix not in months:  # on its way out: whoever finishes drops a table of each kind
            op.execute(f"CREATE TABLE outbound_calls_{suffix} (LIKE outbound_calls INCLUDING DEFAULTS)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE outbound_calls")
