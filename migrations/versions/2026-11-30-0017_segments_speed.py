"""Days without a year in conditions, and when their last anniversary was."""

from __future__ import annotations

from alembic import op

revision = "0053_segments_speed"
down_revision = "0052_domain_events"
branch_labels = None
depends_on = None


# As `app.lib.conversions` and `app.flow.anniversaries` have them; adding years to February 29 comes to the 28th where a year has none.
_FUNCTIONS = (
    """
create function rule_yearless(v jsonb) returns date language plpgsql immutable strict parallel safe as $f$
declare p text[]; m int; d int; begin
  if jsonb_typeof(v) <> 'string' then return null; end if;
  p := regexp_match(rule_trimmed(v #>> '{}'), '^(?:--([0-9]{2})-?|([0-9]{2})-)([0-9]{2})$');
  if p is null then return null; end if;
  m := coalesce(p[1], p[2])::int; d := p[3]::int;
  if m not between 1 and 12 or d < 1 or d > (array[31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[m] then return null; end if;
  return make_date(1904, m, d);
end $f$
""",
    """
create function rule_last_anniversary(day date, today date) returns date language plpgsql immutable strict parallel safe as $f$
declare years int := extract(year from today)::int - extract(year from day)::int; past date; begin
  if years < 1 then return null; end if;
  past := day + make_interval(years => years);
  if past <= today then return past; end if;
  if years < 2 then return null; end if;
  return day + make_interval(years => years - 1);
end $f$
""",
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in _FUNCTIONS:
        op.execute(function)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rule_last_anniversary(date, date)")
    op.execute("drop function rule_yearless(jsonb)")
