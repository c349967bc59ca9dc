"""A transaction is committed or it raises; nothing in between."""

from __future__ import annotations

import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.lib import database
from tests.fixtures.database import CommittedDatabase

ADD = text("insert into workspaces (name, slug) values ('Acme', 'acme')")
BROKEN = text("select 1 / 0")


def names(committed: CommittedDatabase) -> list[str]:
    with committed.connect() as connection:
        return [row[0] for row in connection.execute("select name from workspaces")]


async def test_a_swallowed_failure_does_not_become_a_silent_rollback(committed_database: CommittedDatabase) -> None:
    with pytest.raises(database.TransactionAborted):
        async with database.transaction() as session:
            await session.execute(ADD)
            with contextlib.suppress(DBAPIError):
                await session.execute(BROKEN)
    assert names(committed_database) == []


async def test_a_failure_inside_a_savepoint_may_be_swallowed(committed_database: CommittedDatabase) -> None:
    async with database.transaction() as session:
        await session.execute(ADD)
        with contextlib.suppress(DBAPIError):
            async with session.begin_nested():
                await session.execute(BROKEN)
    assert names(committed_database) == ["Acme"]


async def test_what_raises_leaves_nothing(committed_database: CommittedDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await session.execute(ADD)
            _ = 1 / 0
    assert names(committed_database) == []
