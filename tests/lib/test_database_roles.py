"""A transaction says whose rows it sees, and the next one on its connection does not inherit that."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database
from app.lib.database_roles import DatabaseRole, scope_to
from tests.fixtures.database import CommittedDatabase

_WHOSE = text("select pg_backend_pid(), current_setting('tl.tenant', true)")


async def whose(session: AsyncSession) -> tuple[int, str | None]:
    pid, tenant = (await session.execute(_WHOSE)).one()
    return pid, tenant or None


async def test_each_transaction_of_a_session_says_its_workspace(committed_database: CommittedDatabase) -> None:
    async with database.session_maker(DatabaseRole.WEB)() as session:
        scope_to(session, 7)
        pid, tenant = await whose(session)
        async with session.begin_nested():
            assert await whose(session) == (pid, "7")
        await session.rollback()
        assert (tenant, await whose(session)) == ("7", (pid, "7"))
    async with database.session_maker(DatabaseRole.WEB)() as another:
        assert await whose(another) == (pid, None)
        with pytest.raises(RuntimeError, match="open"):
            scope_to(another, 8)
