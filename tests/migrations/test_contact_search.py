"""What the search looks through, and a row for each tag, are there after the way up; the way down leaves the contacts as they were."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0033_wakes", "0034_contact_search"


def test_contacts_are_found_by_what_they_hold() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Old(url)
        ada, nobody = uuid7(), uuid7()
        old.db.execute(
            "insert into contacts (id, tenant_id, email, external_id, phone, attributes, tags, created_at)"
            " values (%s, %s, 'ada@example.com', 'CRM-1', '+4930', %s, %s, '2026-01-01T00:00Z')",
            (ada, old.tenant, Jsonb({"firstName": "Ada", "last_name": "Öz", "name": None}), ["vip", "beta", "vip"]),
        )
        old.db.execute("insert into contacts (id, tenant_id) values (%s, %s)", (nobody, old.tenant))
        before = old.db.execute("select * from contacts order by id").fetchall()

        migrate(url, "upgrade", NEW)
        search = dict(old.db.execute("select id, search from contacts").fetchall())
        assert (
            search[ada].split() == ["ada@example.com", "crm-1", "+4930", "ada", "öz"] and search[nobody].strip() == ""
        )
        rows = old.db.execute("select tag, contact_id, created_at from contact_tags order by tag").fetchall()
        assert [(tag, contact) for tag, contact, _ in rows] == [("beta", ada), ("vip", ada)]
        assert {made.year for *_, made in rows} == {2026}

        migrate(url, "downgrade", OLD)
        assert old.db.execute("select * from contacts order by id").fetchall() == before
        migrate(url, "upgrade", NEW)
        assert old.value("select count(*) from contact_tags") == 2
        old.db.close()
