"""Sessions of older releases get their ends, and addresses with several accounts come back down to one each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import database_at

BEFORE, AFTER = "0016_principals", "0017_invitations"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LASTING, SHORT = timedelta(days=30), timedelta(hours=12)


@pytest.fixture
def before_invitations() -> Iterator[str]:
    environment.start_server()
    with database_at(BEFORE) as url:
        yield url


def person(db: psycopg.Connection[Any], email: str, at: datetime = NOW) -> UUID:
    user = uuid7()
    db.execute("insert into users (id, email, created_at) values (%s, %s, %s)", (user, email, at))
    return user


def test_old_sessions_end_in_time_and_addresses_part_and_meet_again(before_invitations: str) -> None:
    with psycopg.connect(before_invitations, autocommit=True) as db:
        db.execute("set timezone = 'UTC'")
        [tenant] = db.execute("insert into workspaces (name, slug) values ('Old', 'old') returning id").fetchone()  # type: ignore[misc]
        ada = person(db, "ada@example.com")

        def session(age: timedelta, idle: timedelta, life: timedelta) -> UUID:
            made, seen = uuid7(), NOW - idle
            db.execute(
                "insert into sessions (id, token_hash, user_id, tenant_id, created_at, seen_at, expires_at)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (made, made.bytes, ada, tenant, NOW - age, seen, seen + life),
            )
            return made

        day, hour = timedelta(days=1), timedelta(hours=1)
        expected = {
            session(400 * day, timedelta(0), LASTING): (True, NOW - 370 * day),
            session(2 * day, day, LASTING): (True, NOW + 6 * day),
            session(28 * day, timedelta(0), LASTING): (True, NOW + 2 * day),
            session(hour, timedelta(0), SHORT): (False, NOW + 2 * hour),
            session(11 * hour, timedelta(0), SHORT): (False, NOW + hour),
        }
        migrate(before_invitations, "upgrade", AFTER)
        rows = db.execute("select id, lasting, expires_at from sessions").fetchall()
        assert {row[0]: (row[1], row[2]) for row in rows} == expected

        second = person(db, "Ada@example.com", NOW + day)
        third = person(db, "ada@example.com", NOW + 2 * day)
        migrate(before_invitations, "downgrade", BEFORE)
        people = db.execute("select id, email, disabled_at is null from users order by created_at").fetchall()
        assert people == [
            (ada, "ada@example.com", True),
            (second, f"{second}+Ada@example.com", False),
            (third, f"{third}+ada@example.com", False),
        ]
        with pytest.raises(psycopg.errors.UniqueViolation):
            person(db, "ADA@example.com")
