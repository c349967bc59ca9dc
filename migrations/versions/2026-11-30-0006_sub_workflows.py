"""Runs that other runs called: who called which, and for whom an audience is called one piece after another."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0042_sub_workflows"
down_revision = "0041_approvals"
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
        CREATE TABLE sub_runs (
            tenant_id integer NOT NULL,
            run_id uuid NOT NULL,
            workflow_id uuid NOT NULL,
            parent_run_id uuid NOT NULL,
            parent_seq smallint NOT NULL,
            parent_workflow_id uuid NOT NULL,
            awaited boolean NOT NULL,
            asked_at timestamptz NOT NULL,
            ended_at timestamptz,
            status smallint,
            refused text,
            CONSTRAINT sub_runs_pkey PRIMARY KEY (tenant_id, run_id)
        ) PARTITION BY RANGE (run_id)
        """
    )
    op.execute("CREATE INDEX sub_runs_parent ON sub_runs (tenant_id, parent_run_id, parent_seq, run_id)")
    op.execute("CREATE INDEX sub_runs_open ON sub_runs (tenant_id, parent_run_id, parent_seq) WHERE ended_at IS NULL")
    connection = op.get_bind()
    months = dict(connection.execute(text(MONTHS)).all())
    for suffix, bound in months.items():
        op.execute(f"CREATE TABLE sub_runs_{suffix} PARTITION OF sub_runs {bound}")
    for (suffix,) in connection.execute(text("select suffix from leaving_months where kind = 'runs'")).all():
        if suffix not in months:  # on its way out: whoever finishes drops a table of each kind
            op.execute(f"CREATE TABLE sub_runs_{suffix} (LIKE sub_runs INCLUDING DEFAULTS)")
    op.execute(
        """
        ALTER TABLE enrolments ADD COLUMN run_id uuid, ADD COLUMN seq smallint, ADD COLUMN awaited boolean NOT NULL DEFAULT false,
          ADD COLUMN depth smallint NOT NULL DEFAULT 0
        """
    )
    op.execute("CREATE INDEX enrolments_run ON enrolments (tenant_id, run_id, seq) WHERE run_id IS NOT NULL")
    op.execute("DROP INDEX inbox_asked")
    op.execute("CREATE INDEX inbox_asked ON inbox (tenant_id, run_id) WHERE kind IN (1, 6, 7)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX inbox_asked")
    op.execute("CREATE INDEX inbox_asked ON inbox (tenant_id, run_id) WHERE kind IN (1, 6)")
    op.execute("DROP INDEX enrolments_run")
    op.execute("ALTER TABLE enrolments DROP COLUMN run_id, DROP COLUMN seq, DROP COLUMN awaited, DROP COLUMN depth")
    op.execute("DROP TABLE sub_runs")
