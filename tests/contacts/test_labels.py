"""Names that people write in the form: made usable, with what was written kept as the label that pages show."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.label_repository import LabelRepository
from app.flow import registry
from app.models.contact import Contact
from app.models.status import Role
from app.models.workspace import Workspace
from app.subscriptions.permission import ContactFacts, permission
from tests.fixtures.people import BrowserClients


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


def form(attributes: dict[str, str], **more: str) -> dict[str, str]:
    fields = {"email": "ada@example.com", **more}
    for number, (name, value) in enumerate(attributes.items()):
        fields |= {f"attribute_name_{number}": name, f"attribute_value_{number}": value}
    return fields


async def only(session: AsyncSession, workspace: Workspace) -> Contact:
    rows = select(Contact).where(Contact.tenant_id == workspace.id).execution_options(populate_existing=True)
    return (await session.scalars(rows)).one()


async def test_a_name_that_nothing_could_read_becomes_one_with_its_label(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    written = {"First Name": "Ada", "Schuhgröße (EU)": "39", "plan": "pro", "lastName": "King"}
    made = await marketer.post("/contacts/new", data=form(written, topic_0="Weekly News", consent_0="no"))
    assert made.status_code == 303, made.text
    ada = await only(db_session, workspace)
    assert ada.attributes == {"first_name": "Ada", "schuhgröße_eu": "39", "plan": "pro", "lastName": "King"}
    assert ada.consent == {"weekly_news": False}
    assert await LabelRepository(db_session, workspace.id).by_name() == {
        "first_name": "First Name",
        "schuhgröße_eu": "Schuhgröße (EU)",
    }
    page = (await marketer.get(f"/contacts/{ada.id}")).text
    assert ">First Name</span>" in page and ">Schuhgröße (EU)</span>" in page and ">plan</span>" in page
    assert ">first_name<" not in page
    wrong = await marketer.post(f"/contacts/{ada.id}/edit", data=form({"first_name": "Bea"}, phone="n/a"))
    assert wrong.status_code == 422 and ">First Name<" in wrong.text
    was = '{"texts": {"email": "ada@example.com"}, "attributes": {"first_name": "Ada"}}'
    changed = form({"first_name": "Bea"}, was=was)
    assert (await marketer.post(f"/contacts/{ada.id}/edit", data=changed)).status_code == 303
    assert '<b dir="auto">First Name</b>' in (await marketer.get(f"/contacts/{ada.id}")).text
    edit = (await marketer.get(f"/contacts/{ada.id}/edit")).text
    assert 'value="first_name"' in edit and ">First Name<" in edit


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"First Name": "Ada", "first name": "Bo"}, "There is an attribute first_name already."),
        ({"first_name": "Ada", "First-Name!": "Bo"}, "There is an attribute first_name already."),
        ({"?!": "x"}, "A name needs a letter or a digit."),
    ],
)
async def test_two_names_that_become_one_are_refused(
    marketer: httpx.AsyncClient, attributes: dict[str, str], told: str
) -> None:
    refused = await marketer.post("/contacts/new", data=form(attributes))
    assert refused.status_code == 422 and told in refused.text


async def test_odd_names_of_old_can_stay_go_and_become_usable(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    old: dict[str, Any] = {"First Name": "Ada", "a.b": "1", "x y": "2"}
    ada = Contact(tenant_id=workspace.id, email="ada@example.com", attributes=old, consent={"Big News": True})
    db_session.add(ada)
    await db_session.flush()
    url = f"/contacts/{ada.id}/edit"
    page = (await marketer.get(url)).text
    was = page.partition('name="was" value="')[2].partition('"')[0].replace("&#34;", '"')
    fields = form({"First Name": "Ada", "a.b": "", "x y": "3"}, was=was, topic_0="Big News", consent_0="no")
    saved = await marketer.post(url, data=fields)
    assert saved.status_code == 303, saved.text
    ada = await only(db_session, workspace)
    assert ada.attributes == {"First Name": "Ada", "x_y": "3"} and ada.consent == {"big_news": False}


async def test_a_label_that_is_there_stays_and_is_the_workspaces_own(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await LabelRepository(db_session, workspace.id).keep({"plan": "Plan"})
    await LabelRepository(db_session, workspace.id).keep({"plan": "PLAN", "seats": "Seats"})
    await LabelRepository(db_session, workspace.id).keep({})
    assert await LabelRepository(db_session, workspace.id).by_name() == {"plan": "Plan", "seats": "Seats"}
    assert await LabelRepository(db_session, other_workspace.id).by_name() == {}


@pytest.mark.parametrize(
    ("asked", "said"),
    [("Weekly News", "weekly_news"), ("weekly_news", "Weekly News"), ("Newsletter", "newsletter"), ("a/b", "a b")],
)
def test_a_no_to_a_topic_counts_however_it_is_written(asked: str, said: str) -> None:
    facts = ContactFacts(address="ada@example.com", consent={said: False, "other": True})
    assert permission(facts, topic=asked).reason == "no_topic_consent"
    assert permission(facts, topic="other").allowed
    assert permission(ContactFacts(address="ada@example.com", consent={said: True}), topic=asked).allowed


@pytest.mark.parametrize(("topic", "fit"), [("Weekly News", "weekly_news"), ("news.eu", "news_eu")])
def test_an_email_step_asks_for_a_topic_that_consent_can_name(topic: str, fit: str) -> None:
    kind = registry.get("send_email")
    (told,) = [one for one in registry.diagnostics(kind, {"topic": topic}) if one.path == "topic"]
    assert f"Send “{fit}”" in told.message
    assert not [one for one in registry.diagnostics(kind, {"topic": "weekly_news"}) if one.path == "topic"]
