"""Calls that tests make take a place at the gate of their connector until they are over."""

from __future__ import annotations

from alembic import op

revision = "0085_tests_at_gates"
down_revision = "0084_test_settings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("alter table connector_gates add column tests_until timestamptz[] not null default '{}'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("alter table connector_gates drop column tests_until")
