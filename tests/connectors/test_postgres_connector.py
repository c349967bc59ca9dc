"""Connectors to PostgreSQL: the password goes in and never out; one SELECT is read, bounded, and nothing else is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import senders
from app.lib import egress, postgres_client
from app.lib.postgres_client import PostgresTarget, ReadFailed, ReadRows, read_last, read_rows, with_places
from app.models import Connector, Workspace
from app.models.status import Role
from tests.fixtures import environment
from tests.fixtures.foreign_database import foreign_database

DATABASE = f"elsewhere_{os.getpid()}"
"""Not one that other tests see."""
CONFIG = {"host": "db.example.com", "database": "shop", "user": "reader", "password": "s3cret"}
ESCAPE = "select 1 as x) as a) as b; commit; delete from elsewhere.orders; select 1 from (select 1 from (select 1 as y"
"""As text between the parentheses it is three statements."""


@pytest.fixture(scope="module")
def target() -> Iterator[PostgresTarget]:
    """A database of somebody else, with three orders."""
    with psycopg.connect(environment.server_url("postgres"), autocommit=True) as whole:
        whole.execute(f"drop database if exists {DATABASE} with (force)")
        whole.execute(f"create database {DATABASE}")
    with psycopg.connect(environment.server_url(DATABASE), autocommit=True) as server:
        server.execute("create schema elsewhere")
        server.execute("create table elsewhere.orders (id int primary key, email text, note text, at timestamptz)")
        server.execute(
            "insert into elsewhere.orders select n, 'p' || n || '@example.com', '50% :cursor', '2026-01-01Z'::timestamptz"
            " + n * '1 h'::interval from"
            " generate_series(1, 3) n"
        )
        with foreign_database() as door:
            yield door.target(DATABASE)
    with psycopg.connect(environment.server_url("postgres"), autocommit=True) as whole:
        whole.execute(f"drop database {DATABASE} with (force)")


async def asked(target: PostgresTarget, query: str, cursor: str = "0", most: int = 1000) -> ReadRows:
    return await read_rows(target, query, cursor, most=most, most_bytes=1_000_000)


async def added(api: Any, **config: Any) -> Any:
    client = await api(Role.ADMIN)
    body = {"type": "postgres", "name": "Orders", "config": {**CONFIG, **config}}
    return await client.post("/api/v1/connectors", json=body)


async def test_a_password_goes_in_and_never_comes_out(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    answer = await added(api)
    assert answer.status_code == 201 and "s3cret" not in answer.text, answer.text
    body = answer.json()["data"]
    assert body["config"] == {
        "host": "db.example.com", "port": 5432, "database": "shop", "user": "reader", "tls": "verify", "statementTimeout": 10,
        "hasPassword": True,
    }  # fmt: skip
    row = await db_session.get(Connector, (workspace.id, UUID(body["id"])))
    assert row is not None and row.channel == 0 and b"s3cret" not in (row.secret or b"")
    assert senders.sender_of(row.type, row.id, row.config, row.secret).server.password == "s3cret"
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{body['id']}"
    assert (await client.patch(path, json={"config": {"statementTimeout": 5}})).status_code == 200
    for elsewhere in ({"host": "evil.example"}, {"user": "root"}, {"tls": "disable"}, {"database": "other"}):
        refused = await client.patch(path, json={"config": elsewhere})
        assert refused.status_code == 422 and "Enter the password again" in refused.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": "10.0.0.8"}, "not on the public internet"),
        ({"host": "169.254.169.254"}, "not on the public internet"),
        ({"host": "a b"}, "not the name of a server"),
        ({"host": "/var/run/postgresql"}, "not the name of a server"),
        ({"port": 0}, "port"),
        ({"statementTimeout": 31}, "statementTimeout"),
        ({"tls": "prefer"}, "tls"),
        ({"database": "x\nhost=10.0.0.1"}, "database"),
    ],
    ids=["private", "metadata", "words", "socket", "port", "time", "tls", "line"],
)
async def test_what_does_not_fit(api: Any, change: dict[str, Any], words: str) -> None:
    answer = await added(api, **change)
    assert answer.status_code == 422 and words in answer.text, answer.text


async def test_the_test_says_the_server_s_own_words(api: Any, target: PostgresTarget) -> None:
    own = {"host": target.host, "port": target.port, "user": target.user, "password": target.password, "tls": "disable"}
    for database, result, words in (
        ("postgres", "sent", "answered: PostgreSQL"),
        ("nowhere", "misconfigured", 'database "nowhere" does not exist'),
    ):
        connector = (await added(api, **own, database=database)).json()["data"]
        client = await api(Role.ADMIN)
        answer = (await client.post(f"/api/v1/connectors/{connector['id']}/test", json={})).json()["data"]
        assert answer["result"] == result and words in answer["message"], answer
        assert (await client.delete(f"/api/v1/connectors/{connector['id']}")).status_code == 204


async def test_pages(browser: Any) -> None:
    admin = await browser(Role.ADMIN)
    assert "/connectors/new?type=postgres" in (await admin.get("/connectors/new")).text
    form = {"type": "postgres", "name": "Orders", **CONFIG, "port": "5432", "tls": "verify", "statementTimeout": "10"}
    made = await admin.post("/connectors", data=form)
    assert made.status_code == 303, made.text
    page = (await admin.get(made.headers["location"])).text
    assert "s3cret" not in page and "One is stored" in page and "Test the connection" in page
    assert "db.example.com:5432/shop" in (await admin.get("/connectors")).text
    wrong = await admin.post("/connectors", data={**form, "name": "Other", "port": "many"})
    assert wrong.status_code == 422 and "Write a number from 1 to 65535" in wrong.text


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("select 1 where id > :cursor;", "select 1 where id > $1", True),
        ("select ':cursor', a::cursor -- :cursor\n, \":cursor\" /* :cursor */", None, False),
        ("select ':cursor''' where a >= :cursor and b < :cursor", "select ':cursor''' where a >= $1 and b < $1", True),
    ],
    ids=["end", "elsewhere", "twice"],
)
def test_where_the_cursor_stands(query: str, text: str | None, found: bool) -> None:
    assert with_places(query) == (text or query, found)


async def test_rows_are_read_behind_the_cursor(target: PostgresTarget) -> None:
    query = "select id, email, note, at from elsewhere.orders where id > :cursor order by id"
    found = await asked(target, query, "1")
    assert [row["id"] for row in found.rows] == [2, 3]
    assert found.rows[0] == {
        "id": 2, "email": "p2@example.com", "note": "50% :cursor", "at": "2026-01-01T02:00:00+00:00",
    }  # fmt: skip
    later = await asked(
        target, "select id from elsewhere.orders where at > :cursor order by at;", "2026-01-01T02:00:00Z"
    )
    assert [row["id"] for row in later.rows] == [3]
    assert len((await asked(target, "select n from generate_series(1, 5000) n", most=120)).rows) == 120
    assert (await asked(target, "select repeat('x', 70000) as a")).too_long == 1
    assert await read_last(target, query, "0", ["id"], "numeric") == (3, "3")
    assert await read_last(target, "select at from elsewhere.orders", "0", ["at"], "timestamptz") == (
        3, "2026-01-01T03:00:00+00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "fault", "words"),
    [
        ("delete from elsewhere.orders", "misconfigured", "syntax error"),
        ("with gone as (delete from elsewhere.orders returning *) select * from gone", "misconfigured", "WITH"),
        ("select 1; delete from elsewhere.orders", "misconfigured", "syntax error"),
        (ESCAPE, "misconfigured", "multiple commands"),
        ("select nextval('elsewhere.counter')", "misconfigured", "does not exist"),
        ("select setval(pg_get_serial_sequence('elsewhere.numbered', 'id'), 9)", "misconfigured", "Only reading"),
        ("select nothing from elsewhere.orders", "misconfigured", 'column "nothing" does not exist'),
        ("select 1 as a, pg_sleep(30)", "rejected", "longer than 2 seconds"),
    ],
    ids=["delete", "with", "two", "escape", "missing", "sequence", "column", "slow"],
)
async def test_nothing_but_one_select_is_run(target: PostgresTarget, query: str, fault: str, words: str) -> None:
    with psycopg.connect(environment.server_url(DATABASE), autocommit=True) as server:
        server.execute("create table if not exists elsewhere.numbered (id serial)")
        with pytest.raises(ReadFailed) as failed:
            await asked(target, query)
        assert failed.value.fault == fault and words in str(failed.value), str(failed.value)
        assert server.execute("select count(*) from elsewhere.orders").fetchone() == (3,)


async def test_connections_go_to_the_address_that_was_judged(
    target: PostgresTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReadFailed, match="not on the public internet"):
        await asked(PostgresTarget(host="10.1.2.3", database="a", user="b"), "select 1")
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("192.168.7.7", 1))])
    with pytest.raises(ReadFailed, match=r"db\.example\.com is not on the public internet") as failed:
        await asked(PostgresTarget(host="db.example.com", database="a", user="b"), "select 1")
    assert "192.168" not in str(failed.value)
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("8.8.8.8", 1))])
    with pytest.raises(ReadFailed, match="need TLS"):
        await asked(PostgresTarget(host="db.example.com", database="a", user="b", tls="disable"), "select 1")


async def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_client, "CONNECT_S", 0.3)
    with foreign_database() as door:
        door.silent = True
        with pytest.raises(ReadFailed) as failed:
            await asked(door.target("postgres"), "select 1")
    assert failed.value.fault == "away"
