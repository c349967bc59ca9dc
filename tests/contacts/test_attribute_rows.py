"""Attributes of a contact as typed rows: what the page shows of each, and that the form changes what was written and nothing else."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.attribute_kinds import ATTRIBUTE_KINDS, attribute_kind, attribute_lines, read_value, written_value
from app.lib.ids import uuid7
from app.models import Contact, Event, Workspace
from app.models.status import Role
from app.values.contact_diff import same_value
from tests.contacts.test_pages import FORM, fields_of
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients

STORED: dict[str, Any] = {
    "plan": "pro",
    "note": " two\nlines ",
    "typed": "a\rb\r\nc",
    "visits": 3,
    "vip": True,
    "renews": "2026-09-04",
    "colors": ["red", "blå, grön"],
    "scores": [1, 2],
    "address": {"city": "Jena", "floors": [1, {"flat": False}]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=12) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("pro", "text"), ("2026-02-30", "text"), ("2026-09-04", "date"), (True, "boolean"), (1.5, "number"), (["a", "b c"], "list"),
        ([], "json"), (["a", 1], "json"), (["two\nlines"], "json"), ({"a": 1}, "json"),
    ],
)  # fmt: skip
def test_a_value_has_the_kind_that_holds_it_whole(value: Any, kind: str) -> None:
    assert attribute_kind(value) == kind


@given(JSON.filter(lambda value: value is not None and not (isinstance(value, str) and value != value.strip())))
def test_what_is_written_of_a_value_reads_as_the_same(value: Any) -> None:
    """Except for blanks around a text and the empty text, which forms never send back as they were: those the form leaves alone."""
    if value != "" and not (isinstance(value, str) and "\r" in value):
        assert same_value(read_value(attribute_kind(value), written_value(value)), value)


@pytest.mark.parametrize(
    ("kind", "text"), [("number", "many"), ("boolean", "perhaps"), ("date", "4.9.2026"), ("date", "2026-13-01"), ("json", "{")]
)  # fmt: skip
def test_what_does_not_fit_its_kind_is_refused_in_words(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*"):
        read_value(kind, text)


@pytest.fixture
async def contact(db_session: AsyncSession, workspace: Workspace) -> Contact:
    person = Contact(
        id=uuid7(), tenant_id=workspace.id, email="ada@example.com", attributes=dict(STORED), tags=["t" * 90]
    )
    db_session.add(person)
    await db_session.commit()
    return person


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


async def test_a_form_that_nobody_touched_changes_nothing(
    marketer: httpx.AsyncClient, contact: Contact, db_session: AsyncSession
) -> None:
    url = f"/contacts/{contact.id}/edit"
    fields = fields_of((await marketer.get(url)).text)
    assert (await marketer.post(url, data=fields, headers=FORM)).status_code == 303
    await db_session.refresh(contact)
    assert contact.attributes == STORED


async def test_rows_are_taken_out_and_added_in_any_place(
    marketer: httpx.AsyncClient, contact: Contact, db_session: AsyncSession
) -> None:
    url = f"/contacts/{contact.id}/edit"
    fields = fields_of((await marketer.get(url)).text)
    first = next(name for name, value in fields.items() if name.startswith("attribute_name_") and value == "address")
    number = first.rpartition("_")[2]
    fields = {name: value for name, value in fields.items() if not re.fullmatch(rf"attribute_\w+_{number}", name)}
    fields |= {"attribute_name_10001": "sizes", "attribute_kind_10001": "list", "attribute_value_10001": "S\r\n\r\n M "}
    assert (await marketer.post(url, data=fields, headers=FORM)).status_code == 303
    await db_session.refresh(contact)
    assert contact.attributes == {name: value for name, value in STORED.items() if name != "address"} | {
        "sizes": ["S", "M"]
    }


async def test_more_rows_than_anybody_would_write_are_kept(
    marketer: httpx.AsyncClient, contact: Contact, db_session: AsyncSession
) -> None:
    contact.attributes = {f"a{number}": number for number in range(320)}
    await db_session.commit()
    url = f"/contacts/{contact.id}/edit"
    fields = fields_of((await marketer.get(url)).text) | {"source": "fair"}
    assert (await marketer.post(url, data=fields, headers=FORM)).status_code == 303
    await db_session.refresh(contact)
    assert len(contact.attributes) == 320 and contact.source == "fair"


async def test_a_wrong_value_is_said_in_its_row(marketer: httpx.AsyncClient, contact: Contact) -> None:
    url = f"/contacts/{contact.id}/edit"
    fields = fields_of((await marketer.get(url)).text)
    visits = next(name for name, value in fields.items() if value == "visits").rpartition("_")[2]
    answer = await marketer.post(url, data=fields | {f"attribute_value_{visits}": "many"}, headers=FORM)
    assert answer.status_code == 422
    (row,) = [row for row in answer.text.split("<tr data-attribute>") if 'value="visits"' in row]
    assert "bad-text" in row and 'aria-invalid="true"' in row and 'value="many"' in row


async def test_the_page_shows_types_and_when_each_changed(
    marketer: httpx.AsyncClient, contact: Contact, db_session: AsyncSession, clock: Clock
) -> None:
    def changed(values: dict[str, Any], hours: int) -> Event:
        return Event(
            id=uuid7(), tenant_id=contact.tenant_id, contact_id=contact.id, name="contact.attribute_changed",
            properties={"changed": [*values], "attributes": values}, occurred_at=clock.at.replace(hour=hours),
        )  # fmt: skip

    db_session.add_all(
        [changed({"plan": "free", "visits": 3}, 2), changed({"plan": "pro"}, 5), changed({"vip": False}, 6)]
    )
    await db_session.commit()
    page = (await marketer.get(f"/contacts/{contact.id}")).text
    items = re.findall(r'<li><span class="k">(.*?)</li>', page, re.S)
    rows = {re.search(r'dir="auto">(\w+)</span>', item)[1]: item for item in items}
    assert rows.keys() == STORED.keys()
    assert "7 h ago" in rows["plan"] and "10 h ago" in rows["visits"]
    assert "changed" not in rows["vip"], "a workflow changed it since, and nobody noted when"
    assert "Yes or no" in rows["vip"] and ">Yes<" in rows["vip"] and ">Date<" not in rows["plan"]
    assert '<span class="tag">' in rows["colors"] and "Several fields" in rows["address"] and "Jena" in rows["address"]
    assert "{" not in re.sub(r"<[^>]+>", "", rows["address"]) and "[" not in re.sub(r"<[^>]+>", "", rows["scores"])


async def test_a_person_has_one_colour_on_all_pages(marketer: httpx.AsyncClient, contact: Contact) -> None:
    tints = set()
    for path in ("/contacts", f"/contacts/{contact.id}"):
        page = (await marketer.get(path)).text
        tints |= set(re.findall(r'class="avatar (av-\d)[^"]*" aria-hidden="true"[^>]*>AD<', page))
    assert len(tints) == 1


def test_lines_stand_in_the_order_of_what_people_call_them() -> None:
    lines = attribute_lines({"b": 1, "a": 2}, {"b": "Age"}, {})
    assert [(line.name, line.label, line.kind) for line in lines] == [
        ("a", "a", ATTRIBUTE_KINDS["number"]), ("b", "Age", ATTRIBUTE_KINDS["number"])
    ]  # fmt: skip
