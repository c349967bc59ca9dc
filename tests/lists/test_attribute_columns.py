"""Attributes of contacts as columns: offered as the data has them, kept for each person, never sorted by."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import attribute_columns
from app.contacts.attribute_columns import NotedAttributes
from app.lib.ids import uuid7
from app.models import Contact, Workspace
from app.models.contact import AttributeLabel
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients
from tests.lists.plans import captured

COLUMNS = "/lists/contacts/columns"


async def contact(session: AsyncSession, workspace: Workspace, **attributes: object) -> None:
    row = Contact(id=uuid7(), tenant_id=workspace.id, email=f"{uuid7()}@example.com", attributes=attributes)
    session.add(row)
    await session.flush()


async def test_attributes_are_columns(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await contact(db_session, workspace, plan="gold", seats=3, name="<b>Ann</b>")
    await contact(db_session, other_workspace, secret="x")
    db_session.add(AttributeLabel(tenant_id=workspace.id, name="plan", label="Tariff"))
    await db_session.flush()
    viewer, marketer = await browser(Role.VIEWER), await browser(Role.MARKETER)
    page = (await viewer.get("/contacts")).text
    assert 'value="attributes.plan"' in page and "Tariff</span>" in page and "gold" not in page
    assert "attributes.secret" not in page
    shown = {"column": ["tags", "attributes.plan", "attributes.name", "attributes.seats"], "to": "/contacts"}
    assert (await viewer.post(COLUMNS, data=shown)).status_code == 303
    page = (await viewer.get("/contacts")).text
    assert '<th scope="col">Tariff</th>' in page, "no index: not sorted by"
    assert ">gold</span>" in page and ">3</span>" in page and "&lt;b&gt;Ann&lt;/b&gt;" in page
    assert "gold" not in (await marketer.get("/contacts")).text, "everybody chooses their own"
    linked = (await marketer.get("/contacts", params={"columns": "attributes.plan,attributes.old"})).text
    assert "gold" in linked and '<th scope="col">old</th>' in linked and 'value="attributes.old" checked' in linked
    assert (await marketer.get("/contacts", params={"sort": "attributes.plan"})).status_code == 422


async def test_what_is_no_column_is_refused(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    await contact(db_session, workspace, plan="gold")
    many = [f"attributes.a{number}" for number in range(13)]
    for path, wrong in (
        (COLUMNS, ["attributes."]),
        (COLUMNS, ["attributes." + "x" * 201]),
        (COLUMNS, many),
        ("/lists/runs/columns", ["attributes.plan"]),
    ):
        assert (await viewer.post(path, data={"column": wrong})).status_code == 422, wrong
    view = {"name": "Plans", "query": "columns=attributes.plan", "to": "/contacts"}
    address = (await viewer.post("/lists/contacts/views", data=view)).headers["location"]
    assert '<th scope="col">plan</th>' in (await viewer.get(address)).text


async def test_a_search_does_not_read_the_attributes_of_contacts_with_every_key(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    viewer, part = await browser(Role.VIEWER), {"hx-request": "true", "hx-target": "rows"}
    await contact(db_session, workspace, plan="gold")
    assert 'value="attributes.plan"' in (await viewer.get("/contacts")).text
    await contact(db_session, workspace, seats=3)
    for later, read, offered in ((30, False, False), (61, True, True), (0, False, True)):
        clock.at += timedelta(seconds=later)
        with captured(db_session) as sent:
            page = (await viewer.get("/contacts", params={"search": "example"}, headers=part)).text
        assert any("jsonb_object_keys" in sql for sql, _ in sent) == read, later
        assert 'value="attributes.plan"' in page and ('value="attributes.seats"' in page) == offered
    await contact(db_session, workspace, score=3)
    assert 'value="attributes.score"' in (await viewer.get("/contacts")).text, "a page is read anew"


def test_the_names_of_a_bounded_number_of_workspaces_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribute_columns, "MOST_WORKSPACES", 2)
    noted = NotedAttributes()
    for tenant_id in (1, 2, 1, 3):
        noted.note(tenant_id, [str(tenant_id)])
    assert [noted.of(tenant_id) for tenant_id in (1, 2, 3)] == [["1"], None, ["3"]]
