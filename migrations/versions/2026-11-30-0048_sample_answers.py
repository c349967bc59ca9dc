"""The sample of a workflow keeps what services really answered in its tests."""

from __future__ import annotations

from alembic import op

revision = "0084_test_settings"
down_revision = "0083_list_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("alter table workflow_samples add column answers jsonb not null default '{}'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("alter table workflow_samples drop column answers")
