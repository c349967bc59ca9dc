"""`/api/v1/contacts` through the real app: what is stored, what is said, what is an event."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models.event import Event, Inbox
from app.models.message import Message
from app.models.run import Step
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.fixtures.runs import run_row

CONTACTS = "/api/v1/contacts"


@pytest.fixture
async def program(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


async def events(session: AsyncSession, workspace: Workspace) -> list[tuple[str, Any]]:
    """Name and properties of the workspace's events in order; forgets none."""
    rows = await session.execute(
        select(Inbox.name, Inbox.payload).where(Inbox.tenant_id == workspace.id).order_by(Inbox.id)
    )
    return [(row.name, row.payload) for row in rows]


async def test_create_then_update_by_either_name(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    made = await program.post(
        CONTACTS,
        json={
            "externalId": " u1 ",
            "email": "Ada@Example.COM",
            "phone": "+49 151 123 456 78",
            "source": "website",
            "timezone": "Africa/Lagos",
            "locale": "en_gb",
            "attributes": {"plan": "trial", "n": 1, "deep": {"a": [1, None]}},
            "tags": ["beta", " beta", "vip"],
            "consent": {"newsletter": True, "sms": False},
        },
    )
    assert made.status_code == 201, made.text
    ada = made.json()["data"]
    assert made.headers["location"] == f"{CONTACTS}/{ada['id']}"
    assert ada["externalId"] == "u1" and ada["email"] == "ada@example.com" and ada["phone"] == "+4915112345678"
    assert ada["locale"] == "en-GB" and ada["tags"] == ["beta", "vip"]
    assert ada["attributes"] == {"plan": "trial", "n": 1, "deep": {"a": [1, None]}}
    assert ada["consent"] == {"newsletter": True, "sms": False}
    updated = await program.post(
        CONTACTS, json={"email": "ADA@example.com", "attributes": {"plan": "pro", "n": None}, "addTags": ["paid"]}
    )
    assert updated.status_code == 200 and updated.json()["data"]["id"] == ada["id"]
    assert updated.json()["data"]["attributes"] == {"plan": "pro", "deep": {"a": [1, None]}}
    assert updated.json()["data"]["tags"] == ["beta", "vip", "paid"]
    renamed = await program.post(CONTACTS, json={"externalId": "u1", "email": "ada@new.example"})
    assert renamed.json()["data"]["email"] == "ada@new.example"
    assert await events(db_session, workspace) == [
        ("contact.created", {"via": "api", "source": "website"}),
        (
            "contact.updated",
            {
                "changed": ["attributes.n", "attributes.plan", "tags"],
                "current": {"attributes": {"plan": "pro", "n": None}, "tags": ["beta", "vip", "paid"]},
                "previous": {"attributes": {"plan": "trial", "n": 1}, "tags": ["beta", "vip"]},
            },
        ),
        (
            "contact.attribute_changed",
            {
                "changed": ["n", "plan"],
                "attributes": {"plan": "pro", "n": None},
                "previous": {"plan": "trial", "n": 1},
            },
        ),
        (
            "contact.updated",
            {
                "changed": ["email"],
                "current": {"email": "ada@new.example"},
                "previous": {"email": "ada@example.com"},
            },
        ),
    ]


async def test_no_change_is_no_event(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    body = {"externalId": "u1", "attributes": {"n": 1.0, "d": {"b": 1, "a": 2}}, "tags": ["a", "b"]}
    await program.post(CONTACTS, json=body)
    same = await program.post(
        CONTACTS, json={**body, "attributes": {"d": {"a": 2, "b": 1}, "n": 1, "gone": None}, "tags": ["b", "a"]}
    )
    assert same.status_code == 200
    await program.patch(f"{CONTACTS}/{same.json()['data']['id']}", json={})
    assert [name for name, _ in await events(db_session, workspace)] == ["contact.created"]
    await program.patch(f"{CONTACTS}/{same.json()['data']['id']}", json={"attributes": {"n": True}})
    assert [name for name, _ in await events(db_session, workspace)][1:] == [
        "contact.updated",
        "contact.attribute_changed",
    ]


async def test_two_contacts_are_never_mixed(program: httpx.AsyncClient) -> None:
    one = (await program.post(CONTACTS, json={"externalId": "u1", "email": "one@example.com"})).json()["data"]
    two = (await program.post(CONTACTS, json={"externalId": "u2", "email": "two@example.com"})).json()["data"]
    both = await program.post(CONTACTS, json={"externalId": "u1", "email": "two@example.com"})
    assert both.status_code == 409 and both.json()["code"] == "identity_conflict"
    told = {error["path"]: error["message"] for error in both.json()["errors"]}
    assert one["id"] in told["externalId"] and two["id"] in told["email"]
    stolen = await program.post(CONTACTS, json={"externalId": "u3", "email": "two@example.com"})
    assert stolen.status_code == 409 and two["id"] in stolen.json()["errors"][0]["message"]
    moved = await program.patch(f"{CONTACTS}/{one['id']}", json={"email": "two@example.com"})
    assert moved.status_code == 409 and two["id"] in moved.json()["errors"][0]["message"]
    assert (await program.get(f"{CONTACTS}/{one['id']}")).json()["data"]["email"] == "one@example.com"
    unnamed = (await program.post(CONTACTS, json={"email": "three@example.com"})).json()["data"]
    named = await program.post(CONTACTS, json={"email": "three@example.com", "externalId": "u3"})
    assert named.status_code == 200 and named.json()["data"]["id"] == unnamed["id"]


async def test_patch_empties_and_merges(program: httpx.AsyncClient) -> None:
    made = (
        await program.post(
            CONTACTS,
            json={"externalId": "u1", "email": "a@example.com", "tags": ["a", "b"], "consent": {"email": True}},
        )
    ).json()["data"]
    url = f"{CONTACTS}/{made['id']}"
    patched = await program.patch(
        url,
        json={"email": None, "tags": ["c", "d"], "removeTags": ["d"], "consent": {"email": None, "news": False}},
    )
    assert patched.status_code == 200, patched.text
    data = patched.json()["data"]
    assert data["email"] is None and data["tags"] == ["a", "b", "c"] and data["consent"] == {"news": False}
    replaced = await program.patch(url, json={"replaceTags": ["x", "y"], "addTags": ["z"], "removeTags": ["x"]})
    assert replaced.json()["data"]["tags"] == ["y", "z"]
    assert (await program.patch(url, json={"replaceTags": []})).json()["data"]["tags"] == []
    nobody = await program.patch(url, json={"externalId": None})
    assert nobody.status_code == 422 and nobody.json()["errors"][0]["path"] == "externalId"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "externalId"),
        ({"phone": "+4915112345678"}, "externalId"),
        ({"email": "nope"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": ["a@b.example"]}, "email"),
        ({"externalId": 7}, "externalId"),
        ({"externalId": "x" * 201}, "externalId"),
        ({"externalId": "x\0"}, "externalId"),
        ({"externalId": "x", "phone": "0151 12345678"}, "phone"),
        ({"externalId": "x", "phone": "+1"}, "phone"),
        ({"externalId": "x", "timezone": "Mars"}, "timezone"),
        ({"externalId": "x", "timezone": "../../etc/passwd"}, "timezone"),
        ({"externalId": "x", "locale": "martian"}, "locale"),
        ({"externalId": "x", "attributes": [1]}, "attributes"),
        ({"externalId": "x", "attributes": {"": 1}}, "attributes"),
        ({"externalId": "x", "attributes": {"a": "x" * 33_000}}, "attributes.a"),
        ({"externalId": "x", "attributes": {"a": "\0"}}, "attributes.a"),
        ({"externalId": "x", "tags": "vip"}, "tags"),
        ({"externalId": "x", "tags": ["ok", " "]}, "tags[1]"),
        ({"externalId": "x", "tags": [str(n) for n in range(101)]}, "tags"),
        ({"externalId": "x", "consent": {"email": "yes"}}, "consent.email"),
        ({"externalId": "x", "firstName": "Ada"}, "firstName"),
    ],
)
async def test_what_does_not_fit_is_named(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, body: dict[str, Any], path: str
) -> None:
    answer = await program.post(CONTACTS, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert await events(db_session, workspace) == []
    assert (await program.get(CONTACTS)).json()["data"] == []


async def test_growing_past_the_limits_is_refused(program: httpx.AsyncClient) -> None:
    await program.post(CONTACTS, json={"externalId": "u", "attributes": {"a": "x" * 20_000}, "tags": ["t"] * 3})
    grown = await program.post(CONTACTS, json={"externalId": "u", "attributes": {"b": "x" * 20_000}})
    assert grown.status_code == 422 and grown.json()["errors"][0]["path"] == "attributes"
    tagged = await program.post(CONTACTS, json={"externalId": "u", "addTags": [str(n) for n in range(100)]})
    assert tagged.status_code == 422 and tagged.json()["errors"][0]["path"] == "tags"


async def test_list_searches_filters_and_pages(
    program: httpx.AsyncClient, db_session: AsyncSession, clock: Clock
) -> None:
    for number in range(7):
        await program.post(
            CONTACTS,
            json={
                "externalId": f"usr_{number}",
                "email": f"p{number}@{'shop' if number % 2 else 'farm'}.example",
                "attributes": {"firstName": "Ada" if number == 3 else "Bo", "lastName": "O_kafor%"},
                "tags": ["all", "odd"] if number % 2 else ["all"],
                "source": "s1" if number < 2 else "s2",
            },
        )

    async def listed(**params: Any) -> list[str]:
        found = await program.get(CONTACTS, params=params)
        assert found.status_code == 200, found.text
        return [row["externalId"] for row in found.json()["data"]]

    assert await listed(search="SHOP") == ["usr_5", "usr_3", "usr_1"]
    assert await listed(search="ada o_ka") == ["usr_3"]
    assert await listed(search="kafor%") == [f"usr_{n}" for n in range(6, -1, -1)]
    assert await listed(search="afo_") == []
    assert await listed(search="usr_2") == ["usr_2"]
    assert await listed(tag="odd") == ["usr_5", "usr_3", "usr_1"]
    assert await listed(tag=["odd", "all"], source="s1") == ["usr_1"]
    assert await listed(email="P4@farm.example") == ["usr_4"]
    assert await listed(externalId="usr_6") == ["usr_6"]
    assert await listed(email="nothing like an address") == []
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3}
    while True:
        page = (await program.get(CONTACTS, params=params)).json()
        assert page["meta"]["limit"] == 3
        seen += [row["externalId"] for row in page["data"]]
        if page["meta"]["nextCursor"] is None:
            break
        params["cursor"] = page["meta"]["nextCursor"]
    assert seen == [f"usr_{n}" for n in range(6, -1, -1)]
    for bad in ({"limit": 101}, {"cursor": "x"}, {"limit": "many"}):
        assert (await program.get(CONTACTS, params=bad)).status_code == 422


async def test_erase_takes_the_person_out_and_tells_the_engine(
    program: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    made = (await program.post(CONTACTS, json={"externalId": "u1", "email": "ada@example.com"})).json()["data"]
    await program.post("/api/v1/events", json={"name": "x", "contactId": made["id"], "properties": {"secret": 1}})
    message = Message(
        run_id=uuid7(),
        seq=1,
        tenant_id=workspace.id,
        workflow_id=uuid7(),
        contact_id=made["id"],
        channel=1,
        status=2,
        recipient="ada@example.com",
        subject="Hello Ada",
        created_at=clock.at,
    )
    run = run_row(
        id=message.run_id,
        contact_id=made["id"],
        tenant_id=workspace.id,
        workflow_id=message.workflow_id,
        workflow_version=1,
        trigger_event={"name": "Ada"},
        context={"x": "ada@example.com"},
        started_at=clock.at,
        status=1,
        seq=2,
    )
    times = {"started_at": clock.at, "completed_at": clock.at}
    step = Step(
        tenant_id=run.tenant_id, run_id=run.id, seq=1, node_id="a", status=4, output={"to": "ada@example.com"}, **times
    )
    db_session.add_all([message, run, step])
    await db_session.commit()
    url = f"{CONTACTS}/{made['id']}"
    erased = await program.delete(url)
    assert erased.status_code == 200 and erased.json()["data"] == {"id": made["id"]}
    assert (await program.get(url)).status_code == 404
    assert (await program.delete(url)).status_code == 404
    assert (await db_session.scalars(select(Event).where(Event.tenant_id == workspace.id))).all() == []
    (row,) = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all()
    assert (row.kind, row.name, str(row.contact_id)) == (3, "contact.erased", made["id"])
    dump = await db_session.execute(
        text(
            """
            select (select jsonb_agg(m) from messages m where tenant_id = :t)::text ||
                   (select jsonb_agg(r) from runs r where tenant_id = :t)::text ||
                   (select jsonb_agg(s) from steps s where run_id = :r)::text
            """
        ),
        {"t": workspace.id, "r": run.id},
    )
    stored = dump.scalar_one()
    assert "Ada" not in stored and "ada@" not in stored  # "ada" alone may stand in an id


async def test_other_workspaces_and_roles(
    api: ApiClients, program: httpx.AsyncClient, client: httpx.AsyncClient, other_workspace: Workspace
) -> None:
    made = (await program.post(CONTACTS, json={"externalId": "u1", "email": "ada@example.com"})).json()["data"]
    url = f"{CONTACTS}/{made['id']}"
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.get(url)).status_code == 404
    assert (await stranger.patch(url, json={"source": "x"})).status_code == 404
    assert (await stranger.delete(url)).status_code == 404
    assert (await stranger.get(CONTACTS)).json()["data"] == []
    twin = await stranger.post(CONTACTS, json={"externalId": "u1", "email": "ada@example.com"})
    assert twin.status_code == 201 and twin.json()["data"]["id"] != made["id"]
    viewer = await api(Role.VIEWER)
    assert (await viewer.get(url)).status_code == 200
    assert (await viewer.post(CONTACTS, json={"externalId": "u9"})).status_code == 403
    assert (await viewer.patch(url, json={"source": "x"})).status_code == 403
    assert (await viewer.delete(url)).status_code == 403
    for method, path in (("GET", CONTACTS), ("POST", CONTACTS), ("GET", url), ("PATCH", url), ("DELETE", url)):
        assert (await client.request(method, path)).status_code == 401
    assert (await program.get(f"{CONTACTS}/{uuid4()}")).json()["code"] == "contact_not_found"
    assert (await program.get(f"{CONTACTS}/7")).status_code == 404
