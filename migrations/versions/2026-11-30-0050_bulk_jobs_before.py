"""Jobs of many rows know what each row had before, and which rows were refused."""

from __future__ import annotations

from alembic import op

revision = "0086_bulk_jobs_before"
down_revision = "0085_tests_at_gates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        alter table bulk_jobs
          add column before jsonb not null default '{}',
          add column refused_names text[] not null default '{}'
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("alter table bulk_jobs drop column before, drop column refused_names")
