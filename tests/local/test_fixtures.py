"""The fixtures themselves: what the other tests stand on must hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database, jobs
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_workspace
from tests.fixtures.reused import ReusableDatabase


@pytest.mark.parametrize("time", ["first", "second"])
async def test_nothing_stays_not_even_what_was_committed(db_session: AsyncSession, time: str) -> None:
    assert await db_session.scalar(select(func.count()).select_from(Workspace)) == 0, time
    await make_workspace(db_session, "Left behind")
    await db_session.commit()
    async with database.transaction() as session:
        await make_workspace(session, "By a job")
    assert await db_session.scalar(select(func.count()).select_from(Workspace)) == 2


async def test_clients_of_each_role(api: Any, browser: Any, other_workspace: Workspace) -> None:
    for role in Role:
        assert (await (await api(role)).get("/api/v1/nowhere")).status_code == 404
        assert (await (await browser(role, other_workspace)).get("/nowhere")).status_code == 404


async def test_committed_database_is_seen_by_other_connections(committed_database: CommittedDatabase) -> None:
    async with database.transaction() as session:
        await make_workspace(session, "Acme")
    with database.connect() as one, committed_database.connect() as two:
        for connection in (one, two):
            assert connection.execute("select name from workspaces").fetchall() == [("Acme",)]


@pytest.mark.parametrize("time", ["first", "second", "third"])
def test_committed_databases_are_as_new(committed_database: CommittedDatabase, time: str) -> None:
    with committed_database.connect() as connection:
        told = connection.execute("insert into workspaces (name, slug) values (%s, %s) returning id", [time, time])
        assert told.fetchone() == (1,), time
        connection.execute("insert into users (id, email, name) values (gen_random_uuid(), 'ada@example.com', 'Ada')")
        connection.execute("insert into virtual_clock (one, at) values (1, now())")
        assert connection.execute("select n from workflow_epochs").fetchall() == [], time
        connection.execute("update workspaces set timezone = 'Europe/Helsinki'")
        assert connection.execute("select n from workflow_epochs").fetchall() == [(1,)], time


@pytest.mark.parametrize(
    "change",
    [
        "alter table contacts add column more int",
        "alter table contacts drop column email cascade",
        "create table more (id int)",
        "create function more() returns int language sql as 'select 1'",
        "create index on contacts (created_at)",
        "analyze workspaces",
    ],
)
def test_a_changed_table_does_not_reach_the_next_test(committed_database: CommittedDatabase, change: str) -> None:
    reusable = ReusableDatabase(committed_database.url)
    with committed_database.connect() as connection:
        connection.execute("insert into workspaces (name, slug) values ('Acme', 'acme')")
        assert reusable.empty(), "rows alone, and a connection that was left open"
    with committed_database.connect() as connection:
        connection.execute("insert into workspaces (name, slug) values ('Acme', 'acme')")
        connection.execute(change)
        assert not reusable.empty()


async def test_clock_moves_python_and_sql(db_session: AsyncSession, clock: Clock) -> None:
    from app.lib import clock as app_clock

    before = app_clock.now()
    clock.advance(hours=24)
    await clock.store(db_session)
    assert (app_clock.now() - before).days == 1
    assert await db_session.scalar(text("select clock_now()")) == app_clock.now()


async def test_redis_is_real_when_asked_for(redis_url: str) -> None:
    connection = jobs.client()
    assert connection is not None and await asyncio.to_thread(connection.ping)


def test_and_absent_when_not() -> None:
    assert jobs.client() is None
