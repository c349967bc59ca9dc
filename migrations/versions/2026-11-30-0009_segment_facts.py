"""What contacts did before their events left, which segments go on counting, and days that come back each year."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045_segment_facts"
down_revision = "0044_workflow_policies"
branch_labels = None
depends_on = None


# Adding years to February 29 comes to the 28th where a year has none.
_ANNIVERSARY = """
create function rule_anniversary(day date, today date) returns date language plpgsql immutable strict parallel safe as $f$
declare years int := greatest(extract(year from today)::int - extract(year from day)::int, 1); coming date := day + make_interval(years => years);
begin
  if coming < today then return day + make_interval(years => years + 1); end if;
  return coming;
end $f$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(_ANNIVERSARY)
    op.create_table(
        "event_history",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", "name", name=op.f("event_history_pkey")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("event_history")
    op.execute("drop function rule_anniversary(date, date)")
