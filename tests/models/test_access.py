"""Each table has its line in `app.models.access`, each database what the lines say, and the roles can do no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from app.lib.database_roles import SETTING, DatabaseRole
from app.lib.ids import uuid7
from app.models import Base
from app.models.access import ACCESS, FUNCTIONS, VIEWS
from app.ops import access_repository, database_access

Connection = psycopg.Connection[Any]
_NAMES = """
select c.relname from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind = any(%s::"char"[]) and not c.relispartition
"""
SECRETS = {
    "users": ("password_hash", "email", "name"),
    "sessions": ("token_hash", "user_id"),
    "api_keys": ("key_hash", "prefix", "name"),
    "sign_in_links": ("token_hash",),
    "sign_in_failures": ("key",),
    "invitations": ("token_hash", "email"),
}
"""What whoever reads it could sign in with, or is nobody's business but the accounts'."""


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """What is done on it is rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def names(db: Connection, *kinds: str) -> set[str]:
    return {name for (name,) in db.execute(_NAMES, [list(kinds)])}


def refused(db: Connection, sql: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege), db.transaction():
        db.execute(sql)


def work_as(db: Connection, role: DatabaseRole, tenant: int | None = None) -> None:
    db.execute(f"set local role {role}")
    if tenant is not None:
        db.execute("select set_config(%s, %s, true)", [SETTING, str(tenant)])


@pytest.fixture
def two(db: Connection) -> tuple[int, int]:
    """Two workspaces with a contact each, which has an ended run and an event."""
    first, second = (
        row[0]
        for row in db.execute(
            "insert into workspaces (name, slug) values ('One', 'one'), ('Two', 'two') returning id"
        ).fetchall()
    )
    for tenant in (first, second):
        contact = db.execute(
            "insert into contacts (tenant_id, id, email) values (%s, %s, 'ada@example.com') returning id",
            [tenant, uuid7()],
        ).fetchone()
        assert contact
        db.execute(
            "insert into events (tenant_id, id, contact_id, name, occurred_at) values (%s, %s, %s, 'x', now())",
            [tenant, uuid7(), contact[0]],
        )
        db.execute(
            "insert into ended_runs (tenant_id, id, contact_id, workflow_id, workflow_version, started_at, status, seq)"
            " values (%s, %s, %s, %s, 1, now(), 4, 0)",
            [tenant, uuid7(), contact[0], uuid7()],
        )
    return first, second


def test_each_table_has_one_line(db: Connection) -> None:
    assert names(db, "r", "p") == ACCESS.keys(), (
        "each table needs a line in app/models/access.py, and no line is of none"
    )
    assert names(db, "v", "m") == VIEWS.keys()
    of_workspace = {name for name, access in ACCESS.items() if access.workspace == "tenant_id"}
    accounts = {"account_mails", "api_keys", "invitations", "memberships", "sessions"}
    with_workspace = {table.name for table in Base.metadata.sorted_tables if "tenant_id" in table.columns}
    assert with_workspace - accounts == of_workspace & Base.metadata.tables.keys(), "its rows are of a workspace"


def test_the_database_has_what_the_lines_say(db: Connection) -> None:
    tables = access_repository.stored(db)
    wrong = {
        name: list(database_access.changes(name, access, tables[name])) for name, access in (ACCESS | VIEWS).items()
    }
    assert not {name: statements for name, statements in wrong.items() if statements}
    parts = db.execute(
        "select relname from pg_class where relispartition and relkind = 'r'"
        " and (relowner <> 'tl_owner'::regrole or exists (select from aclexplode(relacl) where grantee <> relowner))"
    ).fetchall()
    assert not parts, "months are reached through the whole only"


def test_what_was_changed_by_hand_is_brought_back(db: Connection) -> None:
    for statement in (
        "grant all on users to tl_web",
        "grant select (key_hash) on api_keys to tl_engine",
        "revoke update on contacts from tl_web",
        "drop policy of_workspace on contacts",
        "create policy of_workspace on contacts using (true)",
        "alter table events no force row level security",
        "alter table users enable row level security",
        "alter table messages owner to current_user",
    ):
        db.execute(statement)
    before = access_repository.stored(db)
    assert (
        sum(
            bool(list(database_access.changes(name, ACCESS[name], before[name])))
            for name in before.keys() & ACCESS.keys()
        )
        == 5
    )
    database_access.apply(db)
    test_the_database_has_what_the_lines_say(db)


def test_a_request_sees_its_workspace_alone(db: Connection, two: tuple[int, int]) -> None:
    first, second = two
    work_as(db, DatabaseRole.WEB, first)
    for table in ("contacts", "events", "ended_runs", "runs"):
        assert db.execute(f"select tenant_id from {table}").fetchall() == [(first,)], table
    assert db.execute("select id from workspaces").fetchall() == [(first,)]
    assert db.execute("update contacts set email = 'eve@example.com'").rowcount == 1
    assert db.execute("delete from events").rowcount == 1
    refused(db, f"insert into contacts (tenant_id, id) values ({second}, gen_random_uuid())")
    refused(db, f"update contacts set tenant_id = {second}")
    db.execute("reset role")
    assert db.execute("select count(*) from events where tenant_id = %s", [second]).fetchone() == (1,)


@pytest.mark.parametrize("role", [DatabaseRole.WEB, DatabaseRole.READ])
def test_who_does_not_say_whose_rows_sees_none(db: Connection, two: tuple[int, int], role: DatabaseRole) -> None:
    work_as(db, role)
    assert db.execute("select count(*) from contacts").fetchone() == (0,)
    with (
        db.transaction()
    ):  # as on a connection of a pool, whose last transaction said it: the setting stays, and is empty
        db.execute("select set_config(%s, '', true)", [SETTING])
        assert db.execute("select count(*) from contacts").fetchone() == (0,)
        assert db.execute("select count(*) from runs").fetchone() == (0,)


def test_a_request_does_nothing_to_tables(db: Connection, two: tuple[int, int]) -> None:
    month = db.execute(
        "select relname from pg_class where relispartition and relkind = 'r' and relname like 'events_20%' limit 1"
    ).fetchone()
    assert month
    work_as(db, DatabaseRole.WEB, two[0])
    for sql in (
        "truncate contacts",
        "create table planted (id int)",
        "alter table contacts add column planted int",
        "alter table contacts disable row level security",
        "drop policy of_workspace on contacts",
        "create index on contacts (email)",
        "drop table contacts",
        f"select from {month[0]}",
        "insert into virtual_clock (one, at) values (1, now())",
        "update workspaces set name = 'x'",
        "select from secret_keys",
        "update alembic_version set version_num = 'x'",
    ):
        refused(db, sql)


@pytest.mark.parametrize("role", [DatabaseRole.WEB, DatabaseRole.ENGINE, DatabaseRole.READ])
def test_secrets_of_accounts_are_for_their_own_role(db: Connection, role: DatabaseRole) -> None:
    work_as(db, role)
    for table, columns in SECRETS.items():
        refused(db, f"select from {table} for update")
        refused(db, f"delete from {table}")
        for column in columns:
            refused(db, f"select {column} from {table}")


def test_accounts_are_all_that_their_role_reaches(db: Connection) -> None:
    work_as(db, DatabaseRole.AUTH)
    for table in SECRETS:
        assert db.execute(f"select count(*) from {table}").fetchone() == (0,)
    for table in (
        "contacts",
        "runs",
        "active_runs",
        "messages",
        "events",
        "inbox",
        "templates",
        "workflows",
        "secret_keys",
    ):
        refused(db, f"select from {table}")


def test_a_reader_only_reads(db: Connection, two: tuple[int, int]) -> None:
    work_as(db, DatabaseRole.READ, two[0])
    assert db.execute("select tenant_id from contacts").fetchall() == [(two[0],)]
    for verb in (
        "insert into contacts (tenant_id, id) values (1, gen_random_uuid())",
        "update contacts set email = ''",
    ):
        refused(db, verb)
    refused(db, "select from idempotency_keys")


def test_the_engine_works_for_all_and_copies(db: Connection, two: tuple[int, int]) -> None:
    work_as(db, DatabaseRole.ENGINE)
    assert len(db.execute("select tenant_id from contacts").fetchall()) == 2
    with db.cursor().copy("copy contacts (tenant_id, id) from stdin") as copy:
        copy.write_row((two[1], uuid7()))
    assert len(db.execute("select from contacts where tenant_id = %s", [two[1]]).fetchall()) == 2
    for sql in (
        "truncate inbox",
        "create table planted (id int)",
        "insert into virtual_clock (one, at) values (1, now())",
    ):
        refused(db, sql)


def test_the_owner_sees_all_though_policies_hold_for_it(db: Connection, two: tuple[int, int]) -> None:
    work_as(db, DatabaseRole.OWNER)
    assert db.execute("update contacts set email = null").rowcount == 2


def test_functions_of_the_owner_are_for_those_who_are_declared(db: Connection, two: tuple[int, int]) -> None:
    functions = access_repository.functions(db)
    assert functions.keys() == FUNCTIONS.keys(), (
        "a function that is declared and not there, or not with these arguments"
    )
    for signature, (owner, callers) in functions.items():
        assert not list(database_access.changes_of_function(signature, owner, callers)), signature
    db.execute("grant execute on function contacts_found(int, text[], int) to public")
    database_access.apply(db)
    assert access_repository.functions(db) == functions
    first, second = two
    work_as(db, DatabaseRole.AUTH)
    refused(db, "select contacts_found(1, '{%ada%}', 5)")
    search = "select contacts_found(%s, '{%%ada%%,%%example%%}', 5)"
    for role in (DatabaseRole.WEB, DatabaseRole.READ):
        work_as(db, role)
        assert not db.execute(search, [first]).fetchall(), "nobody is shown to who has not said a workspace"
        work_as(db, role, first)
        for tenant, count in ((first, 1), (second, 0)):
            rows = db.execute(search, [tenant]).fetchall()
            assert len(rows) == count, "a request finds nobody of another workspace, whatever it asks for"
        db.execute("select set_config(%s, '', true)", [SETTING])
