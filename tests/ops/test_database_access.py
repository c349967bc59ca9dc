"""Roles on servers whose administrator is somebody else, and without any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from app.lib.database_roles import DatabaseRole
from app.models.access import ACCESS
from app.ops import access_repository, backup, database_access
from app.ops.database_access import CannotMakeRoles
from app.settings import settings

Connection = psycopg.Connection[Any]


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """What is done on it is rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def plain(db: Connection) -> str:
    """A user as a hosted server gives it to an application: owner of the database, no administrator."""
    name = f"plain_{os.getpid()}"
    db.execute(f"create role {name} login")
    return name


def test_who_may_not_make_roles_reads_what_an_administrator_does(db: Connection, plain: str) -> None:
    db.execute(f"set local role {plain}")
    with pytest.raises(CannotMakeRoles) as refusal, db.transaction():
        database_access.ensure_roles(db)
    by_hand = database_access.missing_roles(db)
    assert len(by_hand) == len(DatabaseRole)  # they are there, on a server of tests, and for somebody else
    assert all(f"\n{statement};\n" in str(refusal.value) for statement in by_hand)
    assert "THROUGHLINE_DATABASE_ROLES=off" in str(refusal.value)
    db.execute("reset role")
    for statement in by_hand:
        db.execute(statement)
    db.execute(f"set local role {plain}")
    database_access.apply(db)
    db.execute("set local role tl_web")
    assert db.execute("select count(*) from contacts").fetchone() == (0,)


def test_all_roles_are_made_where_there_are_none(db: Connection, plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles of a server of tests stay, so the statements alone are looked at."""
    monkeypatch.setattr(access_repository, "bypasses_by_role", lambda _: {})
    as_superuser = database_access.missing_roles(db)
    assert as_superuser == [
        "create role tl_owner",
        "create role tl_web",
        "create role tl_auth",
        "create role tl_engine bypassrls",
        "create role tl_read",
        "grant pg_read_all_stats to tl_engine",
    ]
    db.execute(f"set local role {plain}")
    grants = [f"grant {role} to {plain}" for role in DatabaseRole]
    assert sorted(database_access.missing_roles(db)) == sorted([*as_superuser, *grants])


def test_a_user_who_is_no_administrator_dumps_all_rows(db: Connection, plain: str) -> None:
    assert backup.all_rows(db) == []
    db.execute(f"grant tl_owner to {plain}")
    db.execute(f"set local role {plain}")
    assert backup.all_rows(db) == ["--role=tl_owner", "--enable-row-security"]


def test_without_roles_no_policy_holds_and_with_them_all_do_again(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def holding() -> set[str]:
        return {name for name, table in access_repository.stored(db).items() if table.policies_hold and table.forced}

    declared = holding()
    assert declared == {name for name in access_repository.stored(db) if name in ACCESS and ACCESS[name].workspace}
    monkeypatch.setenv("THROUGHLINE_DATABASE_ROLES", "off")
    settings.cache_clear()
    database_access.apply(db)
    assert holding() == set()
    monkeypatch.undo()
    settings.cache_clear()
    database_access.apply(db)
    assert holding() == declared


def test_a_role_that_lost_its_right_to_pass_by_policies_gets_it_back(db: Connection) -> None:
    db.execute("alter role tl_engine nobypassrls")
    db.execute("revoke pg_read_all_stats from tl_engine")
    database_access.ensure_roles(db)
    db.execute("set local role tl_engine")
    with db.cursor().copy("copy contacts (tenant_id, id) from stdin"):
        pass
    with pytest.raises(errors.InsufficientPrivilege):
        db.execute("select from sessions")
