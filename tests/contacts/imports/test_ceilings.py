"""One workspace has so much room for its imports, and the next one has its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.imports import ceilings
from app.models.contact_import import ContactImport
from app.models.status import Role
from app.models.workspace import Workspace
from app.settings import settings
from tests.fixtures.people import ApiClients, BrowserClients

IMPORT = "/api/v1/contacts/import"


@pytest.fixture
def ceiling(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the limits of the operator."""

    def put(**limits: int) -> None:
        changed = replace(settings(), ceilings=replace(settings().ceilings, **limits))
        monkeypatch.setattr(ceilings, "settings", lambda: changed)

    return put


async def uploaded(client: httpx.AsyncClient, rows: int = 3) -> str:
    content = "email\n" + "".join(f"c{number}@example.com\n" for number in range(rows))
    answer = await client.post(IMPORT, content=content.encode(), headers={"content-type": "text/csv"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def start(client: httpx.AsyncClient, import_id: str) -> httpx.Response:
    return await client.post(f"{IMPORT}/{import_id}/start", json={"mapping": {"email": "email"}})


async def test_imports_at_once(api: ApiClients, other_workspace: Workspace, ceiling: Callable[..., None]) -> None:
    ceiling(imports_at_once=2)
    ours, theirs = await api(Role.MARKETER), await api(Role.MARKETER, other_workspace)
    files = [await uploaded(ours) for _ in range(3)]
    assert [(await start(ours, each)).status_code for each in files] == [202, 202, 429]
    refused = await start(ours, files[2])
    assert refused.json()["code"] == "too_many_imports" and int(refused.headers["retry-after"]) > 0
    assert (await start(theirs, await uploaded(theirs))).status_code == 202
    assert (await ours.post(f"{IMPORT}/{files[0]}/stop")).status_code == 200
    assert (await start(ours, files[2])).status_code == 202, "what was refused can be started later"


async def test_rows_in_a_day(api: ApiClients, db_session: AsyncSession, ceiling: Callable[..., None]) -> None:
    ceiling(import_rows_a_day=10)
    client = await api(Role.MARKETER)
    first, second = await uploaded(client, 7), await uploaded(client, 7)
    assert (await start(client, first)).status_code == 202
    refused = await start(client, second)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_rows")
    assert "10 rows in 24 hours and has started 7" in refused.json()["detail"]
    await db_session.execute(
        update(ContactImport)
        .where(ContactImport.id == first)
        .values(status="completed", created_at=ContactImport.created_at - timedelta(hours=25))
    )
    assert (await start(client, second)).status_code == 202, "yesterday's do not count"


async def test_one_file_larger_than_a_day_is_no_trap(api: ApiClients, ceiling: Callable[..., None]) -> None:
    ceiling(import_rows_a_day=2)
    client = await api(Role.MARKETER)
    assert (await start(client, await uploaded(client, 5))).status_code == 202


async def test_files_that_nobody_starts(api: ApiClients, browser: BrowserClients, ceiling: Callable[..., None]) -> None:
    ceiling(uploads_at_once=2)
    client, person = await api(Role.MARKETER), await browser(Role.MARKETER)
    files = [await uploaded(client) for _ in range(2)]
    refused = await client.post(IMPORT, content=b"email\n", headers={"content-type": "text/csv"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_uploads")
    page = await person.post("/contacts/import", files={"file": ("a.csv", b"email\na@example.com\n")})
    assert page.status_code == 429 and "not started" in page.text
    assert (await start(client, files[0])).status_code == 202
    await uploaded(client)
