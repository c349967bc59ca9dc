"""What the API takes for a field, what it makes of it, and how it meets what is there."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.contact import Contact
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients

CONTACTS = "/api/v1/contacts"


@pytest.fixture
async def program(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


async def test_tags_are_merged_and_only_replaced_when_that_is_said(program: httpx.AsyncClient) -> None:
    await program.post(CONTACTS, json={"externalId": "u", "tags": ["a", "b"]})
    merged = await program.post(CONTACTS, json={"externalId": "u", "tags": ["c"], "addTags": ["d", "a"]})
    assert merged.json()["data"]["tags"] == ["a", "b", "c", "d"]
    nothing = await program.post(CONTACTS, json={"externalId": "u", "tags": []})
    assert nothing.json()["data"]["tags"] == ["a", "b", "c", "d"]
    replaced = await program.post(CONTACTS, json={"externalId": "u", "replaceTags": ["x"]})
    assert replaced.json()["data"]["tags"] == ["x"]


async def test_a_value_takes_the_place_of_the_whole_value_of_its_name(program: httpx.AsyncClient) -> None:
    await program.post(CONTACTS, json={"externalId": "u", "attributes": {"o": {"a": 1}, "l": [1, 2], "n": 1}})
    merged = await program.post(CONTACTS, json={"externalId": "u", "attributes": {"o": {"b": 2}, "l": [3], "n": None}})
    assert merged.json()["data"]["attributes"] == {"o": {"b": 2}, "l": [3]}


@pytest.mark.parametrize(
    ("group", "name", "fit"),
    [
        ("attributes", "First Name", "first_name"),
        ("attributes", "a.b", "a_b"),
        ("attributes", "{{ plan }}", "plan"),
        ("attributes", "Loyalty-Card No.", "loyalty_card_no"),
        ("attributes", "limit", "limit_value"),
        ("consent", "Weekly News", "weekly_news"),
        ("consent", "news/eu", "news_eu"),
    ],
)
async def test_a_name_that_nothing_could_read_is_refused_with_one_that_fits(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, group: str, name: str, fit: str
) -> None:
    refused = await program.post(CONTACTS, json={"externalId": "u", group: {name: True}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == f"{group}.{name}"
    assert f"Send “{fit}”." in refused.json()["errors"][0]["message"]
    # One that was stored before there was a rule can be taken away, but not written again.
    old = Contact(tenant_id=workspace.id, external_id="old", **{group: {name: True, "plan": False}})
    db_session.add(old)
    await db_session.flush()
    again = await program.patch(f"{CONTACTS}/{old.id}", json={group: {name: False}})
    assert again.status_code == 422
    left = await program.patch(f"{CONTACTS}/{old.id}", json={group: {name: None}})
    assert left.json()["data"][group] == {"plan": False}


async def test_a_contact_that_is_too_large_already_can_still_be_changed(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    large = Contact(
        tenant_id=workspace.id,
        external_id="large",
        attributes={"a": "x" * 40_000, "b": "y" * 40_000},
        tags=[str(number) for number in range(120)],
    )
    db_session.add(large)
    await db_session.flush()
    url = f"{CONTACTS}/{large.id}"
    assert (await program.patch(url, json={"phone": "+4915112345678"})).status_code == 200
    assert (await program.post(CONTACTS, json={"externalId": "large", "source": "ads"})).status_code == 200
    assert (await program.patch(url, json={"attributes": {"a": None}, "removeTags": ["1"]})).status_code == 200
    grown = await program.patch(url, json={"attributes": {"c": 1}})
    assert grown.status_code == 422 and grown.json()["errors"][0]["path"] == "attributes"
    tagged = await program.patch(url, json={"tags": ["one more"]})
    assert tagged.status_code == 422 and tagged.json()["errors"][0]["path"] == "tags"


async def test_names_of_zones_and_languages_and_national_numbers_are_understood(
    program: httpx.AsyncClient, workspace: Workspace, db_session: AsyncSession
) -> None:
    body = {"externalId": "u", "timezone": "Eastern Time", "locale": "Deutsch", "phone": "0171 2345678"}
    alone = await program.post(CONTACTS, json=body)
    assert [error["path"] for error in alone.json()["errors"]] == ["phone"]
    assert "country" in alone.json()["errors"][0]["message"]
    workspace.settings = {"country": "DE"}
    await db_session.flush()
    made = (await program.post(CONTACTS, json=body)).json()["data"]
    assert (made["timezone"], made["locale"], made["phone"]) == ("America/New_York", "de", "+491712345678")
