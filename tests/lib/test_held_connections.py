"""A wait for the network with a database connection held is reported; one after it was released, or without one, is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database, held_connections
from tests.fixtures.database import CommittedDatabase

ASK = text("select 1")


async def test_a_call_inside_a_transaction_is_reported(
    committed_database: CommittedDatabase, held_while_waiting: list[str]
) -> None:
    async with database.transaction() as session:
        with database.outside_call("nobody: nothing was asked yet"):
            pass
        assert held_while_waiting == []
        await session.execute(ASK)
        with database.outside_call("a mail server"):
            pass
        async with session.begin_nested():
            await session.execute(ASK)
        with database.outside_call("a web hook"):
            pass
    assert held_while_waiting == ["a mail server", "a web hook"]
    held_while_waiting.clear()
    with database.outside_call("a mail server"):
        pass


async def test_a_transaction_left_open_inside_a_call_is_reported(
    committed_database: CommittedDatabase, held_while_waiting: list[str]
) -> None:
    session = database.session_maker()()
    with database.outside_call("a mail server"):
        await session.execute(ASK)
    assert held_while_waiting == ["a mail server"]
    await session.rollback()
    with database.outside_call("a mail server"):
        pass
    assert held_while_waiting == ["a mail server"]
    held_while_waiting.clear()


async def test_others_do_not_count(session_maker: Callable[[], AsyncSession]) -> None:
    """Neither another task's transaction nor that of the test around a request."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def another() -> None:
        async with session_maker() as session:
            await session.execute(ASK)
            begun.set()
            await end.wait()

    task = asyncio.create_task(another())
    await begun.wait()
    async with session_maker() as mine:
        await mine.execute(ASK)
        held_connections.begin_work()
        with database.outside_call("a client"):
            pass
    end.set()
    await task
