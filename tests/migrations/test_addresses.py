"""Addresses that were stored with capitals, and those that become one: each contact, entry and invitation is there afterwards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0027_calls", "0028_lower_addresses"


class Before(Old):
    """A workspace whose rows were written past the product, by a server that compares in its own locale."""

    def contact(self, email: str, **more: Any) -> UUID:
        contact_id = uuid7()
        values = {"id": contact_id, "tenant_id": self.tenant, "email": email, **more}
        marks = ", ".join(["%s"] * len(values))
        self.db.execute(f"insert into contacts ({', '.join(values)}) values ({marks})", tuple(values.values()))
        return contact_id

    def contacts(self) -> dict[UUID, tuple[Any, ...]]:
        rows = self.db.execute("select id, email, external_id, attributes, tags from contacts").fetchall()
        return {row[0]: row[1:] for row in rows}

    def suppress(self, address: str, reason: str, detail: str, *, channel: int = 1, lifted: bool = False) -> None:
        self.db.execute(
            "insert into suppressions (tenant_id, channel, address, reason, detail, lifted_at)"
            " values (%s, %s, %s, %s, %s, case when %s then now() end)",
            (self.tenant, channel, address, reason, detail, lifted),
        )

    def invite(self, email: str, name: str, hour: int) -> None:
        self.db.execute(
            "insert into invitations (id, tenant_id, email, name, role, token_hash, expires_at, updated_at)"
            " values (%s, %s, %s, %s, 'viewer', %s, now(), %s)",
            (uuid7(), self.tenant, email, name, name.encode(), f"2026-11-20T{hour}:00Z"),
        )


def test_nothing_of_addresses_that_become_one_is_lost() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Before(url)
        mixed = old.contact("Ada@Example.COM")
        # `lower` of the server makes `i` of the Turkish capital, so the two that are one address could stand side by side.
        first = old.contact("istanbul@example.com", external_id="crm-1")
        turkish = old.contact("İzmir@Example.com", attributes=Jsonb({"plan": "pro"}))
        written_small = old.contact("i\u0307zmir@example.com", attributes=Jsonb({"second_email": "mine"}), tags=["vip"])
        sharp = old.contact("STRAẞE@Example.com")
        kelvin = old.contact("\u212aarl@example.com")
        nobody = old.contact(None)  # type: ignore[arg-type]
        elsewhere = uuid7()
        other = old.value("insert into workspaces (name, slug) values ('Other', 'other') returning id")
        old.db.execute(
            "insert into contacts (id, tenant_id, email) values (%s, %s, 'ADA@example.com')", (elsewhere, other)
        )
        old.suppress("ADA@example.com", "bounced", "User unknown")
        old.suppress("Ada@example.com", "complained", "By letter", lifted=True)
        old.suppress("ada@example.com", "unsubscribed", "By link")
        old.suppress("İ@example.com", "manual", "By phone")
        old.suppress("Ada@example.com", "manual", "Written as it is", channel=3)
        for email, name, hour in (
            ("BEA@example.com", "first", 10),
            ("bea@example.com", "third", 12),
            ("Bea@example.com", "second", 11),
        ):
            old.invite(email, name, hour)
        old.db.execute("insert into users (id, email) values (%s, 'Owner@Example.com')", (uuid7(),))

        migrate(url, "upgrade", NEW)

        after = old.contacts()
        assert len(after) == 8
        assert after[mixed][0] == after[elsewhere][0] == "ada@example.com"
        assert after[first] == ("istanbul@example.com", "crm-1", {}, [])
        assert after[turkish] == ("i\u0307zmir@example.com", None, {"plan": "pro"}, [])
        assert after[sharp][0] == "straße@example.com"
        assert after[kelvin][0] == "\u212aarl@example.com" and after[nobody][0] is None
        unlike = f"second_email_{str(written_small).replace('-', '_')}"
        assert after[written_small] == (
            None,
            str(written_small),
            {"second_email": "mine", unlike: "i\u0307zmir@example.com"},
            ["vip", "second-email"],
        )
        entries = old.db.execute(
            "select channel, address, reason, detail, lifted_at is null from suppressions"
        ).fetchall()
        assert sorted(entries) == [
            (1, "ada@example.com", "unsubscribed", "By link · User unknown · By letter", True),
            (1, "i\u0307@example.com", "manual", "By phone", True),
            (3, "Ada@example.com", "manual", "Written as it is", True),
        ]
        assert old.db.execute("select email, name from invitations").fetchall() == [("bea@example.com", "third")]
        assert old.value("select email from users") == "owner@example.com"

        plain = old.contact("karl@example.com")  # for the server one with the sign for kelvin
        migrate(url, "downgrade", OLD)
        back = old.contacts()
        assert back[kelvin][0] == "\u212aarl@example.com"
        assert back[plain] == (None, str(plain), {"second_email": "karl@example.com"}, ["second-email"])
        migrate(url, "upgrade", NEW)
        assert old.contacts() == back
        assert old.value("select count(*) from suppressions") == 3
        old.db.close()
