"""What providers report about messages: in the month of their run, and those of which the message is not known yet for a while.

`provider_id` is what a provider calls a message; messages that left by SMTP have none and no entry in its index.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0056_message_reports"
down_revision = "0054_every_way"
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
    op.execute("ALTER TABLE connectors ADD callback_secret bytea")
    op.execute("ALTER TABLE messages ADD provider_id text")
    connection = op.get_bind()
    leaving = connection.execute(text("select suffix from leaving_months where kind = 'runs'")).all()
    months = dict(connection.execute(text(MONTHS)).all())
    op.execute(
        "CREATE INDEX messages_provider ON messages (tenant_id, provider_id, connector_id) WHERE provider_id IS NOT NULL"
    )
    op.execute(
        """
        CREATE TABLE message_reports (
            tenant_id integer NOT NULL,
            run_id uuid NOT NULL,
            seq smallint NOT NULL,
            kind smallint NOT NULL,
            digest bytea NOT NULL,
            at timestamptz NOT NULL,
            received_at timestamptz NOT NULL,
            detail text,
            url text,
            CONSTRAINT message_reports_pkey PRIMARY KEY (tenant_id, run_id, seq, kind, digest)
        ) PARTITION BY RANGE (run_id)
        """
    )
    for suffix, bound in months.items():
        op.execute(f"CREATE TABLE message_reports_{suffix} PARTITION OF message_reports {bound}")
    for (suffix,) in leaving:
        if suffix not in months:  # on its way out: whoever finishes drops a table of each kind
            op.execute(f"CREATE TABLE message_reports_{suffix} (LIKE message_reports INCLUDING DEFAULTS)")
    op.execute(
        """
        CREATE TABLE unmatched_reports (
            tenant_id integer NOT NULL,
            connector_id uuid NOT NULL,
            provider_id text NOT NULL,
            kind smallint NOT NULL,
            digest bytea NOT NULL,
            report bytea NOT NULL,
            received_at timestamptz NOT NULL,
            CONSTRAINT unmatched_reports_pkey PRIMARY KEY (tenant_id, connector_id, provider_id, kind, digest),
            CONSTRAINT unmatched_reports_connector FOREIGN KEY (tenant_id, connector_id)
                REFERENCES connectors (tenant_id, id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX unmatched_reports_received ON unmatched_reports (tenant_id, received_at)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE unmatched_reports")
    op.execute("DROP TABLE message_reports")
    op.execute("DROP INDEX messages_provider")
    op.execute("ALTER TABLE messages DROP provider_id")
    op.execute("ALTER TABLE connectors DROP callback_secret")
