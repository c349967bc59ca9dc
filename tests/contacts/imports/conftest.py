"""Who imports: a key in the test's transaction, and one with a database of its own, on which the background run works."""

from __future__ import annotations

import httpx
import pytest

from app.lib import database
from app.models.status import Role
from tests.contacts.imports.importing import Importer
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, make_key, make_workspace


@pytest.fixture
async def program(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


@pytest.fixture
async def importer(committed_database: CommittedDatabase, committed_client: httpx.AsyncClient) -> Importer:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    return Importer(committed_client, {"Authorization": f"Bearer {key}"})
