"""The world of the lists: filled once a process, read by every test in a transaction of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.accounts.principal import Principal
from app.lib.database_roles import SETTING, DatabaseRole
from app.lib.ids import uuid7
from app.models import bounded_repository
from app.models.status import Role
from tests.fixtures.database import lent_database
from tests.lists import world
from tests.lists.world import ListWorld


@pytest.fixture(scope="session")
def list_database() -> Iterator[tuple[str, ListWorld]]:
    with lent_database(f"test_{os.getpid()}_lists") as url:
        with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            place = world.fill(connection)
        yield url, place


@pytest.fixture
def place(list_database: tuple[str, ListWorld]) -> ListWorld:
    return list_database[1]


@pytest.fixture
def principal(place: ListWorld) -> Principal:
    return Principal(kind="user", id=uuid7(), tenant_id=place.tenant, role=Role.OWNER, name="Ada")


@pytest.fixture
async def session(list_database: tuple[str, ListWorld], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncSession]:
    """Lists look at little here."""
    for name in ("LOOKED_AT", "LOOKED_AT_FIRST", "FEW"):
        monkeypatch.setattr(bounded_repository, name, getattr(world, name))
    engine = create_async_engine(list_database[0].replace("postgresql://", "postgresql+psycopg://", 1))
    async with AsyncSession(engine) as session:
        # As a request works: what row-level security keeps from an index is seen.
        await session.execute(text(f"set role {DatabaseRole.WEB}"))
        await session.execute(
            text("select set_config(:name, :tenant, false)"), {"name": SETTING, "tenant": str(list_database[1].tenant)}
        )
        yield session
    await engine.dispose()
