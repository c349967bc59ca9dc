"""Calls: keys lead with the workspace, each knows whom it calls, and how many workers were lost over it. Runs: what brought them about.

So far a run without the id of an event was told to have been started by hand, unless its properties looked like a change of a contact.
"""

from __future__ import annotations

from alembic import op

revision = "0027_calls"
down_revision = "0026_runs_without_contact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # A row lives as long as its call: there are few.
    op.execute("ALTER TABLE calls ADD target text, ADD lost smallint NOT NULL DEFAULT 0")
    op.execute("UPDATE calls SET target = kind")
    op.execute("ALTER TABLE calls ALTER target SET NOT NULL")
    op.execute("ALTER TABLE calls DROP CONSTRAINT calls_pkey")
    op.execute("ALTER TABLE calls ADD CONSTRAINT calls_pkey PRIMARY KEY (tenant_id, run_id, seq, attempt)")
    op.execute("DROP INDEX calls_due")
    op.execute("DROP INDEX calls_under_way")
    op.execute(
        "CREATE INDEX calls_due ON calls (tenant_id, workflow_id, kind, target, due_at) WHERE lease_until IS NULL"
    )
    op.execute("CREATE INDEX calls_under_way ON calls (tenant_id, lease_until) WHERE lease_until IS NOT NULL")
    op.execute("ALTER TABLE runs ADD origin smallint NOT NULL DEFAULT 0")
    op.execute(
        "UPDATE runs SET origin = CASE WHEN trigger_event ?& array['changed', 'previous'] AND trigger_event ?| array['current', 'attributes']"
        " THEN 2 ELSE 1 END WHERE event_id IS NULL AND occurred_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE runs DROP origin")
    op.execute("DROP INDEX calls_under_way")
    op.execute("DROP INDEX calls_due")
    op.execute("CREATE INDEX calls_due ON calls (tenant_id, due_at) WHERE lease_until IS NULL")
    op.execute("CREATE INDEX calls_under_way ON calls (lease_until) WHERE lease_until IS NOT NULL")
    op.execute("ALTER TABLE calls DROP CONSTRAINT calls_pkey")
    op.execute("ALTER TABLE calls ADD CONSTRAINT calls_pkey PRIMARY KEY (run_id, seq, attempt)")
    op.execute("ALTER TABLE calls DROP target, DROP lost")
