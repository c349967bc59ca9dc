"""`POST /api/v1/events` and reading events back, through the real app."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models.contact import Contact
from app.models.event import Event, Inbox
from app.models.idempotency_key import IdempotencyKey
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients

EVENTS = "/api/v1/events"


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> Contact:
    made = Contact(tenant_id=workspace.id, external_id="u1", email="ada@example.com")
    db_session.add(made)
    await db_session.commit()
    return made


@pytest.fixture
async def program(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


async def count(session: AsyncSession, model: Any, workspace: Workspace) -> int:
    found = await session.scalar(select(func.count()).select_from(model).where(model.tenant_id == workspace.id))
    return int(found or 0)


async def test_an_event_is_stored_and_queued(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    sent = {
        "name": "add_to_cart",
        "email": "ADA@Example.com",
        "properties": {"sku": "a-1", "n": 2, "deep": {"x": [1, None, "ü"]}},
        "occurredAt": "2024-03-01T10:00:00+02:00",
        "id": "client-1",
    }
    answer = await program.post(EVENTS, json=sent)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert data["contactId"] == str(ada.id)
    assert data["duplicate"] is False and data["clientId"] == "client-1" and data["name"] == "add_to_cart"
    event = (await db_session.scalars(select(Event).where(Event.tenant_id == workspace.id))).one()
    assert str(event.id) == data["id"] and event.properties == sent["properties"]
    assert event.occurred_at.isoformat() == "2024-03-01T08:00:00+00:00"
    row = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).one()
    assert (row.kind, row.name, row.contact_id, row.event_id) == (0, "add_to_cart", ada.id, event.id)
    assert row.payload == sent["properties"]


async def test_an_array_keeps_its_order_and_makes_each_unknown_person_once(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    answer = await program.post(
        EVENTS,
        json=[
            {"name": "a", "externalId": "new"},
            {"name": "b", "contactId": str(ada.id)},
            {"name": "c", "externalId": "new"},
            {"name": "d", "email": "Grace@Example.com"},
        ],
    )
    assert answer.status_code == 202 and answer.json()["meta"] == {"accepted": 4, "duplicates": 0}
    first, _, third, fourth = answer.json()["data"]
    assert first["contactId"] == third["contactId"] != fourth["contactId"]
    inbox = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id).order_by(Inbox.id))).all()
    names = [row.name for row in inbox]
    assert names == ["contact.created", "contact.created", "a", "b", "c", "d"]
    made = await db_session.scalar(select(Contact).where(Contact.email == "grace@example.com"))
    assert made is not None and str(made.id) == fourth["contactId"]


async def test_a_duplicate_id_answers_the_first_result(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    sent = {"name": "bought", "externalId": "u1", "id": "o-1", "properties": {"n": 1, "list": [1.0, True]}}
    first = (await program.post(EVENTS, json=sent)).json()["data"]
    assert first["duplicate"] is False
    for same in (
        sent,
        {**sent, "externalId": None, "email": "ADA@example.com"},
        {**sent, "properties": {"list": [1, True], "n": 1.0}},
        {**sent, "occurredAt": "2024-03-01T10:00:00Z"},  # the first did not say when it happened
    ):
        again = await program.post(EVENTS, json=same)
        assert again.status_code == 202, again.text
        assert again.json()["data"] == {**first, "duplicate": True}
    other = {"name": "x", "externalId": "u1", "id": "o-2"}
    batch = await program.post(EVENTS, json=[other, other, sent])
    x, y, z = batch.json()["data"]
    assert x["id"] == y["id"] and y["duplicate"] and not x["duplicate"]
    assert z["id"] == first["id"] and batch.json()["meta"] == {"accepted": 1, "duplicates": 2}
    assert await count(db_session, Event, workspace) == await count(db_session, Inbox, workspace) == 2
    assert await count(db_session, Contact, workspace) == 1


FIRST: dict[str, Any] = {
    "name": "bought",
    "externalId": "u1",
    "id": "o-1",
    "properties": {"n": 1},
    "occurredAt": "2024-03-01T10:00:00Z",
}


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"externalId": "u2"}, ["contact"]),
        ({"externalId": None, "email": "nobody-yet@example.com"}, ["contact"]),
        ({"name": "sold"}, ["name"]),
        ({"properties": {"n": True}}, ["properties"]),
        ({"properties": {}}, ["properties"]),
        ({"properties": {"n": 1, "m": None}}, ["properties"]),
        ({"occurredAt": "2024-03-01T10:00:00.001Z"}, ["occurredAt"]),
        ({"name": "sold", "externalId": "u9", "properties": {"n": 2}}, ["contact", "name", "properties"]),
    ],
)
async def test_an_id_with_other_content_is_refused(
    program: httpx.AsyncClient,
    ada: Contact,
    db_session: AsyncSession,
    workspace: Workspace,
    change: dict[str, Any],
    paths: list[str],
) -> None:
    """Also inside one batch, and without a word about what the first one says."""
    other = {key: value for key, value in {**FIRST, **change}.items() if value is not None}
    within = await program.post(EVENTS, json=[FIRST, {"name": "ok", "email": "new@example.com"}, other])
    assert within.status_code == 409 and within.json()["code"] == "event_id_in_use", within.text
    assert [error["path"] for error in within.json()["errors"]] == [f"[2].{path}" for path in paths]
    assert await count(db_session, Event, workspace) == 0 and await count(db_session, Contact, workspace) == 1
    assert (await program.post(EVENTS, json=FIRST)).status_code == 202
    before = await count(db_session, Contact, workspace)
    later = await program.post(EVENTS, json=other)
    assert later.status_code == 409 and [error["path"] for error in later.json()["errors"]] == paths
    assert str(ada.id) not in later.text and "2024" not in later.text
    assert await count(db_session, Event, workspace) == await count(db_session, Inbox, workspace) == 1
    assert await count(db_session, Contact, workspace) == before == 1


async def test_an_erased_contacts_event_is_still_the_first_of_its_id(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    """Only what is still known can differ: nobody is made anew by a repeated event."""
    await program.post(EVENTS, json=FIRST)
    await program.delete(f"/api/v1/contacts/{ada.id}")
    again = await program.post(EVENTS, json=FIRST)
    assert again.status_code == 202
    assert again.json()["data"]["duplicate"] is (await count(db_session, Event, workspace) == 1)


async def test_an_id_is_never_taken_for_a_key_of_a_request(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    event = {"name": "a", "externalId": "u1"}
    keyed = await program.post(EVENTS, json=event, headers={"idempotency-key": "abc"})
    assert keyed.json()["data"]["clientId"] is None
    ids = []
    for client_id in ("idempotency-key:abc#0", "abc#0"):
        answer = await program.post(EVENTS, json={**event, "name": client_id, "id": client_id})
        assert answer.status_code == 202 and answer.json()["data"]["clientId"] == client_id
        assert answer.json()["data"]["duplicate"] is False
        ids.append(answer.json()["data"]["id"])
    assert len({keyed.json()["data"]["id"], *ids}) == 3
    listed = (await program.get(EVENTS)).json()["data"]
    assert [found["clientId"] for found in listed] == ["abc#0", "idempotency-key:abc#0", None]


@pytest.mark.parametrize("lost", [False, True])
async def test_a_key_of_a_request_belongs_to_its_body(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace, lost: bool
) -> None:
    """Also when the answer to the first was lost before it was kept: its events are there."""
    headers = {"idempotency-key": "r-2"}
    body = [{"name": "a", "externalId": "u1"}, {"name": "b", "externalId": "u1", "id": "own"}]
    assert (await program.post(EVENTS, json=body, headers=headers)).status_code == 202
    if lost:
        await db_session.execute(delete(IdempotencyKey))
        await db_session.commit()
    other = [{"name": "other", "externalId": "u1"}, body[1]]
    answer = await program.post(EVENTS, json=other, headers=headers)
    assert answer.status_code == 422 and answer.json()["code"] == "idempotency_key_reused", answer.text
    assert await count(db_session, Event, workspace) == 2


async def test_all_that_is_wrong_with_a_batch_is_said_at_once(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    """Whatever stage finds it: types, addresses, contacts that do not exist, ids with other content."""
    await program.post(EVENTS, json=FIRST)
    answer = await program.post(
        EVENTS,
        json=[
            {"name": 5, "email": "no address", "colour": "red"},
            {"name": "fine", "externalId": "u1"},
            {"name": "a", "contactId": str(uuid4())},
            {**FIRST, "name": "sold"},
            7,
            {"name": "a", "externalId": ["u1"], "occurredAt": "2999-01-01T00:00:00Z"},
            {"externalId": "u1", "email": "ada@example.com", "properties": {"a": "\0"}},
            {"name": "twice", "externalId": "u1", "id": "t"},
            {"name": "twice", "externalId": "u7", "id": "t"},
        ],
    )
    assert answer.status_code == 422, answer.text
    found = [error["path"] for error in answer.json()["errors"]]
    assert found == [
        "[0].colour",
        "[0].name",
        "[0].email",
        "[2].contactId",
        "[3].name",
        "[4]",
        "[5].externalId",
        "[5].occurredAt",
        "[6].name",
        "[6].contactId",
        "[6].properties",
        "[8].contact",
    ]
    assert await count(db_session, Event, workspace) == 1


async def test_a_hundred_field_errors_are_enough(program: httpx.AsyncClient, ada: Contact) -> None:
    answer = await program.post(EVENTS, json=[{"name": "a", "contactId": str(uuid4())} for _ in range(130)])
    body = answer.json()
    assert answer.status_code == 422 and len(body["errors"]) == 100 and body["detail"].endswith("And 30 more.")
    assert body["errors"][99]["path"] == "[99].contactId"
    mixed = await program.post(EVENTS, json=[{"name": ""}, {"email": "x"}] * 500)
    assert len(mixed.json()["errors"]) == 100 and mixed.json()["detail"].endswith("And 1,900 more.")


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"externalId": "u1"}, "name"),
        ({"name": "", "externalId": "u1"}, "name"),
        ({"name": "  ", "externalId": "u1"}, "name"),
        ({"name": "x" * 201, "externalId": "u1"}, "name"),
        ({"name": 5, "externalId": "u1"}, "name"),
        ({"name": "a"}, "contactId"),
        ({"name": "a", "externalId": "u1", "email": "ada@example.com"}, "contactId"),
        ({"name": "a", "contactId": "7"}, "contactId"),
        ({"name": "a", "contactId": str(uuid4())}, "contactId"),
        ({"name": "a", "email": "not an address"}, "email"),
        ({"name": "a", "externalId": "nul\0"}, "externalId"),
        ({"name": "a", "externalId": "u1", "properties": []}, "properties"),
        ({"name": "a", "externalId": "u1", "properties": {"x": "y" * 33_000}}, "properties"),
        ({"name": "a", "externalId": "u1", "properties": {"x": [[[[[[[[[[1]]]]]]]]]]}}, "properties"),
        ({"name": "a", "externalId": "u1", "properties": {"x": "a\0b"}}, "properties"),
        ({"name": "a", "externalId": "u1", "occurredAt": "yesterday"}, "occurredAt"),
        ({"name": "a", "externalId": "u1", "occurredAt": "2024-01-01T00:00:00"}, "occurredAt"),
        ({"name": "a", "externalId": "u1", "occurredAt": "0001-01-01T00:00:00+14:00"}, "occurredAt"),
        ({"name": "a", "externalId": "u1", "occurredAt": "0001-01-02T23:59:59Z"}, "occurredAt"),
        ({"name": "a", "externalId": "u1", "colour": "red"}, "colour"),
    ],
)
async def test_what_does_not_fit_is_named_and_nothing_is_stored(
    program: httpx.AsyncClient,
    ada: Contact,
    db_session: AsyncSession,
    workspace: Workspace,
    event: dict[str, Any],
    path: str,
) -> None:
    answer = await program.post(EVENTS, json=event)
    assert answer.status_code == 422, answer.text
    assert answer.json()["success"] is False
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    good = {"name": "good", "externalId": "somebody-new"}
    answer = await program.post(EVENTS, json=[good, good, event])
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [f"[2].{path}"]
    assert await count(db_session, Event, workspace) == await count(db_session, Inbox, workspace) == 0
    assert await count(db_session, Contact, workspace) == 1


async def test_the_edges_of_the_limits_are_inside(program: httpx.AsyncClient, ada: Contact, clock: Clock) -> None:
    deep: Any = 1
    for _ in range(9):
        deep = [deep]
    event = {
        "name": "n" * 200,
        "externalId": "u1",
        "properties": {"deep": deep},
        "occurredAt": (clock.at + timedelta(hours=1)).isoformat(),
    }
    assert (await program.post(EVENTS, json=event)).status_code == 202
    event["occurredAt"] = (clock.at + timedelta(hours=1, seconds=1)).isoformat()
    assert (await program.post(EVENTS, json=event)).json()["errors"][0]["path"] == "occurredAt"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"[3]", 422),
    ],
)
async def test_broken_bodies_are_refused(program: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await program.post(EVENTS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text


async def test_a_thousand_and_one_are_too_many(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    event = {"name": "a", "externalId": "u1"}
    assert (await program.post(EVENTS, json=[event] * 1_001)).status_code == 422
    answer = await program.post(EVENTS, json=[event] * 1_000)
    assert answer.status_code == 202 and answer.json()["meta"]["accepted"] == 1_000
    assert await count(db_session, Inbox, workspace) == 1_000


async def test_workspaces_do_not_meet(
    api: ApiClients, ada: Contact, other_workspace: Workspace, db_session: AsyncSession
) -> None:
    stranger = await api(Role.OWNER, other_workspace)
    by_id = await stranger.post(EVENTS, json={"name": "a", "contactId": str(ada.id)})
    assert by_id.status_code == 422 and by_id.json()["code"] == "unknown_contact"
    mine = await (await api(Role.MARKETER)).post(EVENTS, json={"name": "a", "externalId": "u1", "id": "same"})
    theirs = await stranger.post(EVENTS, json={"name": "a", "externalId": "u1", "id": "same"})
    assert theirs.status_code == 202 and not theirs.json()["data"]["duplicate"]
    assert theirs.json()["data"]["contactId"] != str(ada.id)
    listed = (await stranger.get(EVENTS)).json()["data"]
    assert {event["name"] for event in listed} == {"a", "contact.created"}
    assert mine.json()["data"]["id"] not in {event["id"] for event in listed}


async def test_a_viewer_reads_and_does_not_write(api: ApiClients, client: httpx.AsyncClient, ada: Contact) -> None:
    viewer = await api(Role.VIEWER)
    assert (await viewer.post(EVENTS, json={"name": "a", "externalId": "u1"})).status_code == 403
    assert (await viewer.get(EVENTS)).status_code == 200
    assert (await client.get(EVENTS)).status_code == 401
    assert (await client.post(EVENTS, json={})).status_code == 401


async def test_events_are_listed_newest_first_with_filters_and_pages(program: httpx.AsyncClient, ada: Contact) -> None:
    await program.post(EVENTS, json=[{"name": f"e{n}", "externalId": "u1", "properties": {"n": n}} for n in range(5)])
    await program.post(EVENTS, json={"name": "e0", "externalId": "somebody"})
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, str] = {"contactId": str(ada.id), "limit": "2"}
        page = (await program.get(EVENTS, params=params | ({"cursor": cursor} if cursor else {}))).json()
        seen += [event["name"] for event in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            break
    assert seen == ["e4", "e3", "e2", "e1", "e0"]
    named = (await program.get(EVENTS, params={"name": "e0"})).json()["data"]
    assert len(named) == 2 and named[1]["properties"] == {"n": 0}
    for params in ({"limit": "0"}, {"cursor": "nonsense"}, {"contactId": "7"}):
        assert (await program.get(EVENTS, params=params)).status_code in (400, 422)
    assert (await program.get(EVENTS, params={"contactId": str(uuid7())})).json()["data"] == []


async def test_an_idempotency_key_counts_even_when_its_answer_was_lost(
    program: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    body = [{"name": "a", "externalId": "u1"}, {"name": "b", "externalId": "u1"}]
    first = await program.post(EVENTS, json=body, headers={"idempotency-key": "r-1"})
    assert first.status_code == 202 and first.json()["data"][0]["clientId"] is None
    await db_session.execute(delete(IdempotencyKey))  # as if the process had died before it stored the answer
    await db_session.commit()
    again = await program.post(EVENTS, json=body, headers={"idempotency-key": "r-1"})
    assert [event["id"] for event in again.json()["data"]] == [event["id"] for event in first.json()["data"]]
    assert await count(db_session, Inbox, workspace) == 2
