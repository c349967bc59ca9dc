"""Settings that accounts tests need, and the walk over all routes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords
from app.models.connector import Connector
from app.models.workspace import Workspace
from app.settings import settings
from tests.accounts.test_every_route import Walk
from tests.fixtures.filled import fill

OF_PRODUCTION = passwords._hasher


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with as little work as it allows: what it costs in production is for one test, which takes `real_passwords`."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def real_passwords(cheap_passwords: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", OF_PRODUCTION)


@pytest.fixture
def not_local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a server: nobody's own machine."""
    changed = dataclasses.replace(settings(), local=False)
    monkeypatch.setattr("app.accounts.pages.settings", lambda: changed)
    yield


@pytest.fixture
async def walk(app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace) -> Walk:
    return Walk(app_under_test, await fill(db_session, workspace))


@pytest.fixture
async def mail_server(db_session: AsyncSession, workspace: Workspace) -> None:
    """`workspace` has a connector that brings mail to people."""
    config = {"host": "smtp.example", "port": 587, "security": "starttls", "fromEmail": "hello@acme.example"}
    db_session.add(Connector(tenant_id=workspace.id, type="smtp", name="Mail", config=config, is_default=True))
    await db_session.flush()
