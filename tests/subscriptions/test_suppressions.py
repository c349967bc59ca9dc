"""The suppression list: adding by hand and in bulk, what outweighs what, lifting with a reason, and who may."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib.ids import uuid7
from app.message_templates.send_test import send_test
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.parts import Parts
from app.models import Connector, Contact, Event, Suppression, Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients

PATH = "/api/v1/suppressions"


def plain(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


@pytest.fixture
async def zoe(db_session: AsyncSession, workspace: Workspace) -> Contact:
    made = Contact(tenant_id=workspace.id, email="zoe@example.com", consent={})
    db_session.add(made)
    await db_session.flush()
    return made


async def events(session: AsyncSession, contact: Contact) -> list[tuple[str, dict[str, Any]]]:
    found = await session.scalars(select(Event).where(Event.contact_id == contact.id).order_by(Event.id))
    return [(event.name, event.properties or {}) for event in found.all()]


async def listed(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


async def test_one_and_many_and_again(admin: httpx.AsyncClient, zoe: Contact, db_session: AsyncSession) -> None:
    one = await admin.post(PATH, json={"address": "Zoe@Example.com", "detail": "Asked by letter"})
    assert one.status_code == 200 and one.json()["meta"] == {"added": 1}
    row = one.json()["data"]
    assert (row["address"], row["reason"], row["contactId"]) == ("zoe@example.com", "manual", str(zoe.id))
    assert row["detail"] == "Asked by letter (added by test admin)"
    many = [{"address": f"n{n}@example.com", "reason": "bounced", "detail": "550 gone"} for n in range(1000)]
    assert (await admin.post(PATH, json=many)).json()["meta"] == {"added": 1000}
    again = await admin.post(PATH, json=many)
    assert again.json()["meta"] == {"added": 0} and len(again.json()["data"]) == 1000
    told = await events(db_session, zoe)
    assert [name for name, _ in told] == ["contact.unsubscribed"]
    assert told[0][1] == {"channel": "email", "topic": None, "by": "api", "reason": "manual"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], ""),
        ([{"address": f"n{n}@example.com"} for n in range(1001)], ""),
        ([{"address": "fine@example.com"}, {"address": "no address"}], "[1].address"),
        ([{"address": "fine@example.com"}, {"address": "a@example.com", "reason": "rude"}], "[1].reason"),
        ({"address": "a@example.com", "channel": "pigeon"}, "channel"),
    ],
)
async def test_all_or_none(admin: httpx.AsyncClient, body: Any, path: str) -> None:
    answer = await admin.post(PATH, json=body)
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == path
    assert await listed(admin) == []


@pytest.mark.parametrize(
    ("first", "then", "stays"),
    [
        ("bounced", "unsubscribed", "unsubscribed"),
        ("unsubscribed", "bounced", "unsubscribed"),
        ("unsubscribed", "complained", "complained"),
        ("complained", "manual", "complained"),
        ("invalid", "bounced", "bounced"),
        ("manual", "invalid", "manual"),
    ],
)
async def test_the_weightier_reason_stays(admin: httpx.AsyncClient, first: str, then: str, stays: str) -> None:
    for reason in (first, then):
        await admin.post(PATH, json={"address": "a@example.com", "reason": reason, "detail": f"words of {reason}"})
    (row,) = await listed(admin)
    assert row["reason"] == stays and f"words of {first}" in row["detail"]


async def test_lifted_with_a_reason_and_listed_again(
    admin: httpx.AsyncClient, zoe: Contact, db_session: AsyncSession, clock: Clock
) -> None:
    await clock.store(db_session)
    await admin.post(PATH, json={"address": "zoe@example.com", "reason": "complained"})
    for _ in range(2):
        lifted = await admin.post(f"{PATH}/lift", json={"address": " ZOE@example.com", "reason": "Pressed by mistake"})
        assert lifted.status_code == 200
        row = lifted.json()["data"]
        assert (row["liftedBy"], row["liftedReason"], bool(row["liftedAt"])) == (
            "test admin",
            "Pressed by mistake",
            True,
        )
    assert await listed(admin) == [] and [row["address"] for row in await listed(admin, "?lifted=true")] == [
        row["address"]
    ]
    clock.advance(days=1)
    await clock.store(db_session)
    assert (await admin.post(PATH, json={"address": "zoe@example.com", "reason": "bounced"})).json()["meta"] == {
        "added": 1
    }
    (again,) = await listed(admin)
    assert (again["reason"], again["liftedAt"], again["liftedBy"], again["liftedReason"]) == (
        "bounced",
        None,
        None,
        None,
    )
    assert again["since"] > row["since"]
    names = [(name, told["by"], told["reason"]) for name, told in await events(db_session, zoe)]
    assert names == [
        ("contact.unsubscribed", "api", "complained"),
        ("contact.resubscribed", "api", "Pressed by mistake"),
    ], "a bounce is a fact about a mailbox, not a choice of the contact"


async def test_lifting_what_is_not_there_or_without_a_reason(admin: httpx.AsyncClient) -> None:
    answer = await admin.post(f"{PATH}/lift", json={"address": "a@example.com", "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_on_the_list")
    await admin.post(PATH, json={"address": "a@example.com"})
    for reason in ("", "  ", None):
        answer = await admin.post(f"{PATH}/lift", json={"address": "a@example.com", "reason": reason})
        assert answer.status_code == 422, reason
    assert len(await listed(admin)) == 1


async def test_search_filters_and_pages(
    admin: httpx.AsyncClient, other_workspace: Workspace, db_session: AsyncSession
) -> None:
    db_session.add(Suppression(tenant_id=other_workspace.id, channel=1, address="x1@example.com", reason="bounced"))
    await db_session.flush()
    await admin.post(PATH, json=[{"address": f"x{n}@example.com", "reason": "bounced"} for n in range(7)])
    await admin.post(
        PATH, json=[{"address": "jörg@bücher.example", "reason": "unsubscribed"}, {"address": "a_b@example.com"}]
    )
    assert [row["address"] for row in await listed(admin, "?search=BÜCHER")] == ["jörg@bücher.example"]
    assert [row["address"] for row in await listed(admin, "?search=a_")] == ["a_b@example.com"]
    assert len(await listed(admin, "?reason=bounced&channel=email")) == 7
    found, cursor = [], ""
    for _ in range(5):
        answer = (await admin.get(f"{PATH}?limit=2{cursor}")).json()
        found += [row["address"] for row in answer["data"]]
        cursor = f"&cursor={answer['meta']['nextCursor']}"
    assert len(found) == len(set(found)) == 9 and answer["meta"]["nextCursor"] is None
    for query in ("?reason=rude", "?channel=fax", "?cursor=x", "?lifted=perhaps"):
        assert (await admin.get(f"{PATH}{query}")).status_code in (400, 422), query


async def test_resubscribing_a_contact(admin: httpx.AsyncClient, zoe: Contact, db_session: AsyncSession) -> None:
    path = f"/api/v1/contacts/{zoe.id}"
    await admin.patch(path, json={"consent": {"Email": False, "news": False}})
    await admin.post(PATH, json={"address": "zoe@example.com", "reason": "bounced"})
    assert (await admin.post(f"{path}/resubscribe", json={"reason": " "})).status_code == 422
    for _ in range(2):
        answer = await admin.post(f"{path}/resubscribe", json={"reason": "New mailbox", "topic": "news"})
        data = answer.json()["data"]
        assert data["consent"] == {"email": True, "news": True}
        assert data["permissions"]["email"]["allowed"] is True
    told = [(name, p.get("by"), p.get("topic"), p.get("reason")) for name, p in await events(db_session, zoe)]
    assert told[1:] == [
        ("contact.unsubscribed", "api", None, "no_consent"),
        ("contact.unsubscribed", "api", "news", "no_topic_consent"),
        ("contact.resubscribed", "api", "news", "New mailbox"),
    ]
    await admin.patch(path, json={"email": None, "externalId": "z"})
    assert (await admin.post(f"{path}/resubscribe", json={"reason": "x"})).json()["code"] == "no_address"


async def test_the_page(browser: BrowserClients, zoe: Contact, db_session: AsyncSession, workspace: Workspace) -> None:
    marketer, admin, viewer = [await browser(role) for role in (Role.MARKETER, Role.ADMIN, Role.VIEWER)]
    assert "Nobody is suppressed" in (await viewer.get("/suppressions")).text
    bad = await marketer.post("/suppressions", data={"addresses": "fine@example.com\nnot one", "reason": "manual"})
    assert bad.status_code == 422 and "“not”: This is not an email address" in plain(bad.text)
    assert "data-now" in bad.text and "fine@example.com" in bad.text, "the dialog is open with what was typed"
    assert (await marketer.post("/suppressions", data={"addresses": " "})).status_code == 422
    sent = {
        "addresses": "zoe@example.com; a@example.com\n\nb@example.com",
        "reason": "unsubscribed",
        "detail": "Old tool",
    }
    assert (await marketer.post("/suppressions", data=sent)).status_code == 303
    shown = plain((await viewer.get("/suppressions?search=zoe")).text)
    assert "Unsubscribed Old tool" in shown and " a@example.com" not in shown and "Remove" not in shown
    assert f'href="/contacts/{zoe.id}"' in (await admin.get("/suppressions?reason=unsubscribed")).text
    refused = await admin.post("/suppressions/lift", data={"address": "zoe@example.com", "reason": " "})
    assert refused.status_code == 422 and "Write why" in refused.text
    assert (
        await marketer.post("/suppressions/lift", data={"address": "a@example.com", "reason": "x"})
    ).status_code == 403
    assert (
        await admin.post("/suppressions/lift", data={"address": "zoe@example.com", "reason": "A slip"})
    ).status_code == 303
    assert "zoe@example.com" not in (await admin.get("/suppressions")).text
    lifted = plain((await admin.get("/suppressions?show=lifted")).text)
    assert "zoe@example.com" in lifted and "A slip" in lifted
    timeline = plain((await viewer.get(f"/contacts/{zoe.id}")).text)
    assert "Re-subscribed By hand: A slip" in timeline and "Unsubscribed By hand: Unsubscribed" in timeline


async def test_a_form_that_allows_email_says_that_the_list_still_holds_it_back(
    browser: BrowserClients, zoe: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    marketer = await browser(Role.MARKETER)
    db_session.add(Suppression(tenant_id=workspace.id, channel=1, address="zoe@example.com", reason="bounced"))
    await db_session.flush()
    assert "Allowing email here does not change that" in (await marketer.get(f"/contacts/{zoe.id}/edit")).text
    form = {
        "email": "zoe@example.com",
        "topic_0": "email",
        "consent_0": "yes",
        "was": '{"texts":{"email":"zoe@example.com"}}',
    }
    saved = await marketer.post(f"/contacts/{zoe.id}/edit", data=form)
    assert saved.status_code == 303 and "still%20no%20mail%20goes%20there" in saved.cookies["flash"]


async def test_previews_and_tests_tell_who_would_not_get_it(
    browser: BrowserClients, zoe: Contact, db_session: AsyncSession, workspace: Workspace, principal: Principal
) -> None:
    marketer = await browser(Role.MARKETER)
    given = {"subject": "Hi", "html": "<p>Hi</p>", "text": "", "as": "ZOE@example.com"}
    assert "would not get the mail" not in (await marketer.post("/templates/preview", data=given)).text
    zoe.consent = {"email": False}
    await db_session.flush()
    shown = plain((await marketer.post("/templates/preview", data=given)).text)
    assert "The contact withdrew consent for emails. This contact would not get the email." in shown
    config = {"host": "127.0.0.1", "port": 9, "security": "none", "fromEmail": "shop@example.com"}
    connector_id = uuid7()
    db_session.add(
        Connector(
            id=connector_id,
            tenant_id=workspace.id,
            type="smtp",
            name="c",
            config=config,
            is_default=True,
        )
    )
    await db_session.flush()
    result = await send_test(db_session, principal, EmailChannel, "Zoe@Example.com", Parts("s", "", "t"))
    assert (result.result, result.message) == (
        "rejected",
        "The contact withdrew consent for emails. Tests do not go there either.",
    )


@pytest.mark.parametrize("name", ["contact.unsubscribed", " contact.resubscribed "])
async def test_a_client_cannot_send_the_event_of_a_decision_instead_of_the_decision(
    admin: httpx.AsyncClient, browser: BrowserClients, zoe: Contact, db_session: AsyncSession, name: str
) -> None:
    """It would start what listens to it, and mail would go on."""
    answer = await admin.post(
        "/api/v1/events", json=[{"name": "seen", "contactId": str(zoe.id)}, {"name": name, "contactId": str(zoe.id)}]
    )
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == "[1].name"
    assert "send `consent`" in answer.json()["errors"][0]["message"]
    page = await (await browser(Role.MARKETER)).post(f"/contacts/{zoe.id}/event", data={"event": name})
    assert page.status_code == 422 and "does not make one" in page.text
    assert await events(db_session, zoe) == []
