"""The timeline on the page of a contact: its tabs, their counts, and how it goes on."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import history_repository, pages
from app.lib import clock
from app.lib.ids import uuid7
from app.models.contact import Contact
from app.models.event import Event
from app.models.status import Role
from app.models.workspace import Workspace
from tests.contacts.test_pages import plain
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> Contact:
    ada = Contact(tenant_id=workspace.id, external_id="u1", email="ada@example.com")
    db_session.add(ada)
    await db_session.commit()
    return ada


async def test_a_long_timeline_goes_on(marketer: httpx.AsyncClient, ada: Contact, api: Any) -> None:
    program = await api(Role.MARKETER)
    events = [
        {"name": f"step-{n}", "externalId": "u1", "occurredAt": f"2026-01-{1 + n // 24:02}T{n % 24:02}:00:00Z"}
        for n in range(90)
    ]
    assert (await program.post("/api/v1/events", json=events)).status_code == 202
    html, seen = (await marketer.get(f"/contacts/{ada.id}")).text, []
    while True:
        seen += re.findall(r"<b[^>]*>(step-\d+)</b>", html)
        link = re.search(r'hx-get="([^"]+before=[^"]+)"', html)
        if not link:
            break
        html = (await marketer.get(link[1].replace("&amp;", "&"), headers={"hx-request": "true"})).text
        assert "<html" not in html and 'class="seg"' not in html
    assert seen == [f"step-{n}" for n in range(89, -1, -1)]


async def test_what_was_not_counted_to_its_end_is_not_said_to_be_none(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tabs(html: str) -> dict[str, str]:
        links = re.findall(r"<a href=\"[^\"]*show=\w+\"[^>]*>(.*?)</a>", html)
        words = [plain(link).split() for link in links]
        return {name: "".join(count) for name, *count in words}

    db_session.add_all(
        Event(
            id=uuid7(),
            tenant_id=ada.tenant_id,
            contact_id=ada.id,
            name="viewed",
            properties={},
            occurred_at=clock.now(),
        )
        for _ in range(5)
    )
    await db_session.flush()
    known = {"All": "", "Messages": "0", "Runs": "0", "Events": "5", "Changes": "0"}
    assert tabs((await marketer.get(f"/contacts/{ada.id}")).text) == known
    for module in (pages, history_repository):
        monkeypatch.setattr(module, "COUNTED", 3)
    assert tabs((await marketer.get(f"/contacts/{ada.id}")).text) == known | {"Events": "3+", "Changes": ""}
