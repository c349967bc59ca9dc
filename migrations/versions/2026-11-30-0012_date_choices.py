"""What is due is looked for by its time, in all workspaces at once; and dates that have come when a trigger goes live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048_date_choices"
down_revision = "0046_held_runs"
branch_labels = None
depends_on = None

DUE = {
    "schedules_due": ("schedules", "active and next_at is not null"),
    "date_schedules_due": ("date_schedules", "active and next_at is not null"),
    "enrolments_due": ("enrolments", "next_at is not null"),
    "held_run_jobs_due": ("held_run_jobs", "next_at is not null"),
}
"""By index its table, and which rows are in it."""


def _index(*columns: str) -> None:
    for name, (table, rows) in DUE.items():
        op.drop_index(name, table)
        op.create_index(name, table, list(columns), postgresql_where=sa.text(rows))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _index("next_at")
    op.create_index(
        "entry_paces_next", "entry_paces", ["not_before"], postgresql_where=sa.text("not_before is not null")
    )
    op.add_column("workflow_epochs", sa.Column("compared", sa.BigInteger()))
    op.execute("UPDATE workflow_epochs e SET compared = s.n FROM schedule_epochs s WHERE s.tenant_id = e.tenant_id")
    op.add_column(
        "date_schedules", sa.Column("existing", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    stale = sa.Computed("n is distinct from compared", persisted=True)
    op.add_column("workflow_epochs", sa.Column("stale", sa.Boolean(), stale, nullable=False))
    op.create_index("workflow_epochs_stale", "workflow_epochs", ["tenant_id"], postgresql_where=sa.text("stale"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("date_schedules", "existing")
    op.drop_index("workflow_epochs_stale", "workflow_epochs")
    op.drop_column("workflow_epochs", "stale")
    op.drop_column("workflow_epochs", "compared")
    op.drop_index("entry_paces_next", "entry_paces")
    _index("tenant_id", "next_at")
