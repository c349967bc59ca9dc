"""A transaction says whose rows it sees, and the next one on its connection does not inherit that."""

from __future__ import annotations

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database
from app.lib.database_roles import DatabaseRole, scope_to
from app.settings import settings
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


@pytest.mark.parametrize("role", [role for role in DatabaseRole if role is not DatabaseRole.READ])
async def test_every_connection_works_by_its_role(committed_database: CommittedDatabase, role: DatabaseRole) -> None:
    with database.connect("test", role) as connection:
        assert connection.execute("select current_user").fetchone() == (role,)
        connection.execute("reset role")  # what it began with is what it goes back to
        assert connection.execute("select current_user").fetchone() == (role,)
    async with database.transaction(role) as session:
        assert await session.scalar(text("select current_user")) == role
    fast = await database.connect_async("test", role)
    assert await (await fast.execute("select current_user")).fetchone() == (role,)
    await fast.close()
    with database.connect("test", None) as connection:
        assert connection.execute("select current_user = session_user").fetchone() == (True,)


async def test_a_role_that_was_lost_on_the_way_is_said(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a PgBouncer that ignores what connections ask for."""
    monkeypatch.setattr(database, "_server_options", lambda *_: "")
    database._log_lost_role.cache_clear()
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            database.connect("test", DatabaseRole.ENGINE).close()
            await (await database.connect_async("test", DatabaseRole.ENGINE)).close()
        async with database.transaction(DatabaseRole.WEB) as session:
            await session.scalar(text("select 1"))
        database.connect("test", None).close()
    assert [(entry["event"], entry["role"]) for entry in logs] == [
        ("database.role_not_taken", "tl_engine"),
        ("database.role_not_taken", "tl_web"),
    ]


def test_a_role_may_log_in_as_a_user_of_its_own(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = committed_database.url.replace("postgres@", "somebody@")
    monkeypatch.setenv("DATABASE_URL_WEB", other)
    settings.cache_clear()
    assert database.dsn(DatabaseRole.WEB) == other
    assert {database.dsn(role) for role in (None, DatabaseRole.ENGINE, DatabaseRole.AUTH)} == {committed_database.url}
