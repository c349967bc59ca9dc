"""Keys of older releases keep what they may; on the way down nothing may more than before."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import database_at

BEFORE = "0017_invitations"


@pytest.fixture
def before_scopes() -> Iterator[str]:
    environment.start_server()
    with database_at(BEFORE) as url:
        yield url


def test_old_keys_stay_and_new_limits_do_not_fall_away(before_scopes: str) -> None:
    with psycopg.connect(before_scopes, autocommit=True) as db:
        tenant = db.execute("insert into workspaces (name, slug) values ('Old', 'old') returning id").fetchone()[0]  # type: ignore[index]
        users = {name: uuid7() for name in ("here", "left", "deleted")}
        for name, user in users.items():
            db.execute("insert into users (id, email) values (%s, %s)", (user, f"{name}@example.com"))
        db.execute("insert into memberships values (%s, %s, 'admin')", (tenant, users["here"]))

        def key(name: str, maker: object = None) -> None:
            db.execute(
                "insert into api_keys (id, tenant_id, name, prefix, key_hash, role, created_by)"
                " values (%s, %s, %s, %s, '', 'admin', %s)",
                (uuid7(), tenant, name, name, maker),
            )

        for name, user in users.items():
            key(name, user)
        key("terminal")
        migrate(before_scopes)
        rows = db.execute("select name, scopes, created_by from api_keys where revoked_at is null").fetchall()
        assert {name: (scopes, maker) for name, scopes, maker in rows} == {
            **{name: (None, user) for name, user in users.items()},
            "terminal": (None, None),
        }
        db.execute("delete from users where id = %s", (users["deleted"],))
        maker = db.execute("select created_by from api_keys where name = 'deleted'").fetchone()
        assert maker == (users["deleted"],), "a deleted maker stays written down"
        key("narrow", users["here"])
        db.execute("update api_keys set scopes = '{events:write}' where name = 'narrow'")

        migrate(before_scopes, "downgrade", BEFORE)
        alive = db.execute("select name from api_keys where revoked_at is null order by name").fetchall()
        assert alive == [("here",), ("terminal",)]
