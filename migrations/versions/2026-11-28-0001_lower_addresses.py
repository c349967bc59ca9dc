"""Addresses are in small letters, and say so: a plain index finds them, which row-level security can use too.

So far the indexes compared `lower(email)`, and what that makes of a letter outside ASCII depends on the locale of the database. From
now on the application alone folds those, and a constraint holds the capitals of ASCII out.

Where two contacts of a workspace turn out to be one address, the older one keeps it. The other stays as it is: its address, as it
was written, becomes the attribute `second_email`, it is tagged `second-email` for whoever puts the two together, and its own id is
its external id if it has none. Of two entries of the suppression list the weightier holds and keeps the words of both. Of two
invitations the one sent last stays open.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028_lower_addresses"
down_revision = "0027_calls"
branch_labels = None
depends_on = None

EMAIL = 1
CONSTRAINTS = {
    "contacts": ("contacts_email_lower_check", 'email = lower(email COLLATE "C")'),
    "users": ("users_email_lower_check", 'email = lower(email COLLATE "C")'),
    "invitations": ("invitations_email_lower_check", 'email = lower(email COLLATE "C")'),
    "suppressions": (
        "suppressions_address_lower_check",
        f'channel <> {EMAIL} or address = lower(address COLLATE "C")',
    ),
}
ODD = "{0} <> lower({0} COLLATE \"C\") or {0} ~ '[^\\x01-\\x7f]'"
"""What may have to change: a capital of ASCII, or any letter that is not ASCII."""
WEIGHT = ["complained", "unsubscribed", "manual", "bounced", "invalid"]
SPLIT = """
with claims as (
  select c.id, row_number() over (partition by c.tenant_id, {folded} order by c.created_at, c.id) as place
  from contacts c left join folded f on f.id = c.id
  where {some}
)
update contacts c set email = null, external_id = coalesce(c.external_id, c.id::text), tags = c.tags || array['second-email'],
  attributes = c.attributes || jsonb_build_object(
    case when c.attributes ? 'second_email' then 'second_email_' || replace(c.id::text, '-', '_') else 'second_email' end, c.email)
from claims where claims.id = c.id and claims.place > 1
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX contacts_email_key")
    op.execute("DROP INDEX users_email")
    database = op.get_bind()
    _fold_contacts(database)
    for table in ("users", "invitations"):
        _fold_accounts(database, table)
    _fold_suppressions(database)
    op.execute("CREATE UNIQUE INDEX contacts_email_key ON contacts (tenant_id, email)")
    op.execute("CREATE INDEX users_email ON users (email)")
    for table, (name, condition) in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, (name, _) in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    # What `lower` of this server takes for one address cannot be two any more.
    op.execute("CREATE TEMP TABLE folded (id uuid, email text) ON COMMIT DROP")
    op.execute(SPLIT.format(folded="lower(c.email)", some="c.email is not null"))
    op.execute("DROP TABLE folded")
    op.execute("DROP INDEX contacts_email_key")
    op.execute("DROP INDEX users_email")
    op.execute("CREATE UNIQUE INDEX contacts_email_key ON contacts (tenant_id, lower(email))")
    op.execute("CREATE INDEX users_email ON users (lower(email))")


def _folded(address: str) -> str:
    """The form in which the application looks an address up, as it was when this was written.

    A letter that only looks like ASCII (the sign for kelvin) stays: whoever folds it has somebody else's address.
    """
    alike = (
        unicodedata.normalize("NFKC", char).isascii() or char.lower().isascii()
        for char in address
        if not char.isascii()
    )
    if any(alike):
        return "".join(char.lower() if char.isascii() else char for char in address)
    return unicodedata.normalize("NFC", address).lower()


def _fold_contacts(database: sa.Connection) -> None:
    op.execute("CREATE TEMP TABLE folded (id uuid PRIMARY KEY, tenant_id int, email text) ON COMMIT DROP")
    odd = sa.text(f"select id, tenant_id, email from contacts where {ODD.format('email')}")
    rows = database.execute(odd, execution_options={"stream_results": True})
    for some in rows.partitions(10_000):
        changed = [
            {"id": row.id, "tenant_id": row.tenant_id, "email": _folded(row.email)}
            for row in some
            if _folded(row.email) != row.email
        ]
        if changed:
            database.execute(sa.text("insert into folded values (:id, :tenant_id, :email)"), changed)
    op.execute(
        SPLIT.format(
            folded="coalesce(f.email, c.email)",
            some="(c.tenant_id, coalesce(f.email, c.email)) in (select tenant_id, email from folded)",
        )
    )
    op.execute("update contacts c set email = f.email from folded f where f.id = c.id and c.email is not null")
    op.execute("DROP TABLE folded")


def _fold_accounts(database: sa.Connection, table: str) -> None:
    """`invitations` has one row an address: the one sent last takes the place of the others."""
    odd = sa.text(f"select id, email from {table} where {ODD.format('email')} order by updated_at, id")
    for row in database.execute(odd).all():
        email = _folded(row.email)
        if email == row.email:
            continue
        known = {"id": row.id, "email": email}
        if table == "invitations":
            same = "o.tenant_id = i.tenant_id and o.email = :email and o.id <> i.id and (o.updated_at, o.id) {} (i.updated_at, i.id)"
            newer = f"delete from invitations i using invitations o where i.id = :id and {same.format('>')}"
            older = f"delete from invitations o using invitations i where i.id = :id and {same.format('<')}"
            database.execute(sa.text(newer), known)
            database.execute(sa.text(older), known)
        database.execute(sa.text(f"update {table} set email = :email where id = :id"), known)


def _fold_suppressions(database: sa.Connection) -> None:
    odd = sa.text(f"select * from suppressions where channel = {EMAIL} and ({ODD.format('address')})")
    key = f"tenant_id = :tenant_id and channel = {EMAIL} and address = :address"
    for row in database.execute(odd).mappings().all():
        address = _folded(row["address"])
        if address == row["address"]:
            continue
        there = {"tenant_id": row["tenant_id"], "address": address}
        other = database.execute(sa.text(f"select * from suppressions where {key}"), there).mappings().first()
        first, second = (row, other) if other is None or _weight(row) <= _weight(other) else (other, row)
        details = [one["detail"] for one in (first, second) if one and one["detail"]]
        values = {**first, "address": address, "detail": " · ".join(dict.fromkeys(details)) or None}
        for each in (address, row["address"]):
            database.execute(sa.text(f"delete from suppressions where {key}"), {**there, "address": each})
        columns = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        database.execute(sa.text(f"insert into suppressions ({columns}) values ({marks})"), values)


def _weight(entry: Any) -> tuple[bool, int, Any]:
    """The less the weightier: what holds before what was lifted, then the reason, then the older."""
    reason = entry["reason"]
    return entry["lifted_at"] is not None, WEIGHT.index(reason) if reason in WEIGHT else len(WEIGHT), entry["at"]
