"""How pages are shown to a person: language, time zone and theme."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import translation
from app.models import Contact, Workspace
from app.models.status import Role
from app.models.user import User
from tests.fixtures.people import ApiClients, BrowserClients


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "LANGUAGES", {"en": "English", "de": "Deutsch"})


FORM = {"name": "Ada", "language": "", "timezone": "", "theme": ""}


@pytest.mark.usefixtures("german")
async def test_the_browsers_language_until_somebody_chooses(browser: BrowserClients) -> None:
    person = await browser(Role.VIEWER)
    german, english = {"Accept-Language": "de-DE,de;q=0.9"}, {"Accept-Language": "en"}
    shown = (await person.get("/settings/profile", headers=german)).text
    assert '<html lang="de"' in shown and "Einstellungen" in shown and "Settings" not in shown
    assert '<html lang="en"' in (await person.get("/settings/profile", headers=english)).text
    saved = await person.post("/settings/profile", data={**FORM, "language": "de"}, headers=english)
    assert saved.status_code == 303
    assert '<html lang="de"' in (await person.get("/settings/profile", headers=english)).text
    assert "Gespeichert" in unquote(saved.headers["set-cookie"])


@pytest.mark.usefixtures("german")
async def test_programs_are_answered_in_english(api: ApiClients) -> None:
    key = await api(Role.ADMIN)
    answer = await key.post("/api/v1/contacts", json={}, headers={"Accept-Language": "de"})
    assert answer.status_code == 422 and answer.json() == (await key.post("/api/v1/contacts", json={})).json()


async def test_times_are_in_the_readers_zone(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    workspace.timezone = "Europe/Berlin"
    contact = Contact(tenant_id=workspace.id, email="ada@example.com", attributes={})
    db_session.add(contact)
    await db_session.flush()
    person = await browser(Role.MARKETER)
    page = f"/contacts/{contact.id}"
    assert "CE" in (await person.get(page)).text and " JST" not in (await person.get(page)).text
    assert (await person.post("/settings/profile", data={**FORM, "timezone": "Asia/Tokyo"})).status_code == 303
    assert " JST" in (await person.get(page)).text


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("field", "value"),
    [("language", "tlh"), ("language", "de'"), ("timezone", "Mars/Base"), ("timezone", "localtime"), ("theme", "pink")],
)
async def test_what_is_not_on_the_lists(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession, field: str, value: str
) -> None:
    person = await browser(Role.VIEWER)
    answer = await person.post("/settings/profile", data={**FORM, "name": "New", field: value})
    assert answer.status_code == 422 and "of the list" in answer.text
    user = await db_session.get_one(User, principals[Role.VIEWER].id, populate_existing=True)
    assert (user.language, user.timezone, user.theme) == (None, None, None) and user.name != "New"


async def test_a_chosen_theme_holds_until_this_browser_switches(browser: BrowserClients) -> None:
    person = await browser(Role.VIEWER)
    person.cookies.set("theme", "light")
    saved = await person.post("/settings/profile", data={**FORM, "theme": "dark"})
    assert 'theme=""' in saved.headers["set-cookie"] or "theme=;" in saved.headers["set-cookie"]
    person.cookies.jar.clear("", "/", "theme")
    assert 'data-theme="dark"' in (await person.get("/settings/profile")).text
    person.cookies.set("theme", "light")
    assert 'data-theme="light"' in (await person.get("/settings/profile")).text
