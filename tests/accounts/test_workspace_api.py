"""The workspace by the API: what is left out stays, wrong values are refused by the field, and the page has the same rules."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.callbacks import incoming_repository
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients, BrowserClients

URL = "/api/v1/workspace"


async def test_what_is_left_out_stays(api: ApiClients, workspace: Workspace, db_session: AsyncSession) -> None:
    admin = await api(Role.ADMIN)
    before = (await admin.get(URL)).json()["data"]
    assert before == {"id": workspace.id, "name": workspace.name, "timezone": "UTC", "country": None, "stopWords": []}
    changed = await admin.patch(URL, json={"stopWords": [" no  more ", "genug", "genug"]})
    assert changed.json()["data"] == {**before, "stopWords": ["no more", "genug"]}
    changed = await admin.patch(URL, json={"country": "de", "timezone": "Europe/Berlin"})
    after = {**before, "stopWords": ["no more", "genug"], "country": "DE", "timezone": "Europe/Berlin"}
    assert changed.json()["data"] == after == (await admin.get(URL)).json()["data"]
    assert await incoming_repository.stop_words(db_session, workspace.id) == ["no more", "genug"]
    changed = await admin.patch(URL, json={"country": None, "stopWords": [], "name": "Acme & Co"})
    assert changed.json()["data"] == {**after, "country": None, "stopWords": [], "name": "Acme & Co"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "  "}, "name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"country": "XX"}, "country"),
        ({"stopWords": ["start"]}, "stopWords"),
        ({"stopWords": ["Hilfe!"]}, "stopWords"),
        ({"stopWords": ["no, more"]}, "stopWords"),
        ({"stopWords": ["🛑"]}, "stopWords"),
        ({"stopWords": [f"word {n}" for n in range(51)]}, "stopWords"),
        ({"stopWords": "genug"}, "stopWords"),
        ({"slug": "other"}, "slug"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(api: ApiClients, change: dict[str, Any], path: str) -> None:
    admin = await api(Role.ADMIN)
    before = (await admin.get(URL)).json()["data"]
    answer = await admin.patch(URL, json={"name": "Other", **change})
    assert answer.status_code == 422 and [error["path"] for error in answer.json()["errors"]] == [path]
    assert (await admin.get(URL)).json()["data"] == before


async def test_the_page_says_what_is_wrong_with_a_word_beside_it(browser: BrowserClients, api: ApiClients) -> None:
    admin = await browser(Role.ADMIN)
    form = {"name": "Acme", "timezone": "UTC", "country": ""}
    refused = await admin.post("/settings/workspace", data={**form, "stopWords": "genug, start"})
    assert refused.status_code == 422 and "begins messages again" in refused.text
    await admin.post("/settings/workspace", data={**form, "stopWords": "genug; no more"})
    assert (await (await api(Role.VIEWER)).get(URL)).json()["data"]["stopWords"] == ["genug", "no more"]
