"""What keeps dynamic segments up to date: what events add up to, where each contact stands, and how values read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038_segment_membership"
down_revision = "0037_segments"
branch_labels = None
depends_on = None

_NUMBER = r"^[+-]?[0-9]{1,150}[0-9]{0,150}(\.[0-9]{1,150}[0-9]{0,150})?([eE][+-]?[0-9]{1,2})?$"
_UNIX = r"^-?[0-9]{9,16}(\.[0-9]{1,9})?$"
_DATE = (
    r"^([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|([0-9]{2})([0-9]{2}))"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?"
    r" ?([Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?$"
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _folded() -> str:
    """Trimmed, composed and case folded, from Python's own tables: PostgreSQL 15 to 17 have no casefold, and no locale has the same."""
    letters = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    single = {one: one.casefold() for one in letters if len(one.casefold()) == 1 and one.casefold() != one}
    several = {one: one.casefold() for one in letters if len(one.casefold()) > 1}
    spaces = _quoted("".join(chr(code) for code in range(0x3001) if chr(code).isspace()))
    replaced = "t"
    for one, by in several.items():
        replaced = f"replace({replaced}, {_quoted(one)}, {_quoted(by)})"
    any_of = "".join([*single, *several])
    return f"""
create function rule_trimmed(t text) returns text language sql immutable strict parallel safe as $f$ select btrim(t, {spaces}) $f$;
create function rule_folded(t text) returns text language plpgsql immutable strict parallel safe as $f$
begin
  if octet_length(t) = char_length(t) then return lower(btrim(t, {spaces}) collate "C"); end if;
  t := lower(btrim(normalize(t, NFC), {spaces}) collate "C");
  if t ~ {_quoted(f"[{any_of}]")} then
    t := {replaced};
    t := translate(t, {_quoted("".join(single))}, {_quoted("".join(single.values()))});
    t := lower(t collate "C");
  end if;
  return normalize(t, NFC);
end $f$;
"""


_FUNCTIONS = f"""
-- PL/pgSQL, since a function of SQL that is not inlined costs 20 to 60 us a call, this 1 to 4.
create function rule_text(v jsonb) returns text language plpgsql immutable strict parallel safe as $f$
declare x numeric; begin
  case jsonb_typeof(v)
    when 'string' then return v #>> '{{}}';
    when 'boolean' then return v #>> '{{}}';
    when 'number' then
      x := v::numeric;
      if x = trunc(x) then return trunc(x)::text; end if;
      return trim_scale(round(x, 14 - floor(log(abs(x)))::int))::text;
    else return null;
  end case;
end $f$;
create function rule_number(v jsonb) returns numeric language plpgsql immutable strict parallel safe as $f$
declare t text; begin
  case jsonb_typeof(v)
    when 'number' then return v::numeric;
    when 'string' then
      t := rule_trimmed(v #>> '{{}}');
      if t ~ {_quoted(_NUMBER)} then return t::numeric; end if;
      return null;
    else return null;
  end case;
end $f$;
create function rule_boolean(v jsonb) returns boolean language plpgsql immutable strict parallel safe as $f$
declare t text; begin
  case jsonb_typeof(v)
    when 'boolean' then return v::boolean;
    when 'number' then return case v::numeric when 1 then true when 0 then false end;
    when 'string' then
      t := rule_folded(v #>> '{{}}');
      return case when t in ('true', 'yes', 'on', '1') then true when t in ('false', 'no', 'off', '0') then false end;
    else return null;
  end case;
end $f$;
create function rule_blank(v jsonb) returns boolean language sql immutable parallel safe as $f$
  select case jsonb_typeof(v) when 'string' then rule_trimmed(v #>> '{{}}') = '' when 'array' then v = '[]' when 'object' then v = '{{}}'
    when 'null' then true else v is null end
$f$;
create function rule_is_day(v jsonb) returns boolean language sql immutable strict parallel safe as $f$
  select jsonb_typeof(v) = 'string' and rule_trimmed(v #>> '{{}}') ~ '^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|[0-9]{{8}})$'
$f$;
create function rule_instant(v jsonb, zone text) returns timestamptz language plpgsql stable strict parallel safe as $f$
declare t text; x numeric; p text[]; y int; m int; d int; naive timestamp; local timestamptz; early timestamptz; begin
  case jsonb_typeof(v)
    when 'number' then x := v::numeric;
    when 'string' then
      t := rule_trimmed(v #>> '{{}}');
      if t ~ {_quoted(_UNIX)} then x := t::numeric; end if;
    else return null;
  end case;
  if x is not null then
    if abs(x) >= 100000000000 then x := x / 1000; end if;
    if x < -62135596800 or x >= 253402300800 then return null; end if;
    return (timestamp '1970-01-01' + make_interval(days => floor(x / 86400)::int, secs => (x - floor(x / 86400) * 86400)::float8))
      at time zone 'UTC';
  end if;
  p := regexp_match(t, {_quoted(_DATE)});
  if p is null then return null; end if;
  y := p[1]::int; m := coalesce(p[2], p[4])::int; d := coalesce(p[3], p[5])::int;
  if y < 1 or m not between 1 and 12 or d < 1 then return null; end if;
  if d > (case when m in (4, 6, 9, 11) then 30 when m <> 2 then 31
      when y % 4 = 0 and (y % 100 <> 0 or y % 400 = 0) then 29 else 28 end) then return null; end if;
  naive := make_timestamp(y, m, d, coalesce(p[6], '0')::int, coalesce(p[7], '0')::int, coalesce(p[8], '0')::int)
    + make_interval(secs => ('0.' || coalesce(left(p[9], 6), '0'))::float8);
  if p[10] is not null then
    return (naive - make_interval(mins => (coalesce(p[12], '0')::int * 60 + coalesce(p[13], '0')::int) * case p[11] when '-' then -1 else 1 end))
      at time zone 'UTC';
  end if;
  local := naive at time zone zone;
  -- Where clocks are put back an hour comes twice: the first one is meant.
  foreach early in array array[local - interval '1 hour', local - interval '30 minutes'] loop
    if early at time zone zone = naive then return early; end if;
  end loop;
  return local;
end $f$;
create function rule_zone(name text, fallback text) returns text language plpgsql stable as $f$
begin
  if name is null or name = '' then return fallback; end if;
  perform timezone(name, timestamptz 'epoch');
  return name;
exception when invalid_parameter_value then return fallback;
end $f$;
create function rule_follow(v jsonb, names text[]) returns jsonb language plpgsql immutable strict parallel safe as $f$
declare name text; begin
  foreach name in array names loop
    case jsonb_typeof(v)
      when 'object' then
        if name = 'size' and not v ? name then
          v := to_jsonb((select count(*) from jsonb_object_keys(v)));
        else v := v -> name; end if;
      when 'array' then
        if name = 'size' then v := to_jsonb(jsonb_array_length(v));
        elsif name = 'first' then v := v -> 0;
        elsif name = 'last' then v := v -> -1;
        elsif name ~ '^[0-9]{{1,9}}$' then v := v -> name::int;
        else return null; end if;
      when 'string' then
        if name <> 'size' then return null; end if;
        v := to_jsonb(char_length(v #>> '{{}}'));
      else return null;
    end case;
  end loop;
  return v;
end $f$;
"""
_NAMES = (
    "rule_follow(jsonb, text[])",
    "rule_zone(text, text)",
    "rule_instant(jsonb, text)",
    "rule_is_day(jsonb)",
    "rule_blank(jsonb)",
    "rule_boolean(jsonb)",
    "rule_number(jsonb)",
    "rule_text(jsonb)",
    "rule_folded(text)",
    "rule_trimmed(text)",
)


STAMP = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID(as_uuid=True)
# It samples people, so imports that lie together do not bend it, and it is written once for each: the hash of an id never changes.
SAMPLE = "(uuid_hash_extended(id, 0::bigint) & 1023::bigint)"


def _facts() -> None:
    op.create_table(
        "segment_fact_definitions",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("match", sa.Text(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("keep", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("segment_fact_definitions_pkey")),
    )
    op.create_index("segment_fact_definitions_hash_key", "segment_fact_definitions", ["tenant_id", "hash"], unique=True)
    op.create_table(
        "segment_facts",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", UUID, nullable=False),
        sa.Column("fact", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("recent", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", "fact", name=op.f("segment_facts_pkey")),
        postgresql_with={"fillfactor": "80"},
    )


def _state() -> None:
    op.create_table(
        "segment_state",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", UUID, nullable=False),
        sa.Column("built", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("segments", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("next_at", STAMP),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", name=op.f("segment_state_pkey")),
        postgresql_with={"fillfactor": "75"},
    )
    op.create_index("segment_state_next", "segment_state", ["next_at"], postgresql_where=sa.text("next_at is not null"))
    op.create_table(
        "segment_builds",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("reached", UUID),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", STAMP, server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("finished_at", STAMP),
        sa.Column("ready", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("dropped_at", STAMP),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("segment_builds_pkey")),
    )
    op.create_index(
        "segment_builds_open",
        "segment_builds",
        ["tenant_id", "number"],
        postgresql_where=sa.text("finished_at is null or dropped_at is not null"),
    )


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _facts()
    _state()
    op.execute(f"create index contacts_sample on contacts (tenant_id, {SAMPLE}) where {SAMPLE} < 16")
    driver = op.get_bind()
    for function in f"{_folded()}{_FUNCTIONS}".split("create function ")[1:]:
        driver.exec_driver_sql(f"create function {function}".replace("%", "%%"))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name in _NAMES:
        op.execute(f"drop function {name}")
    op.drop_index("contacts_sample", table_name="contacts")
    for table in ("segment_builds", "segment_state", "segment_facts", "segment_fact_definitions"):
        op.drop_table(table)
