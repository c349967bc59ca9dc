"""The link at the foot of a mail: GET changes nothing, POST works without signing in, and one can come back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock, crypto
from app.lib.ids import uuid7
from app.messaging.channels.unsubscribe_link import Unsubscribe, unsubscribe_url
from app.models import Contact, Event, Message, NodeStat, StoredReport, Suppression, Workspace
from app.models.status import MessageStatus
from app.subscriptions.unsubscribe import masked_address

AGAIN = {"again": "1", "address": "zoe.doe@example.com"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def contact(db_session: AsyncSession, workspace: Workspace) -> Contact:
    made = Contact(tenant_id=workspace.id, email="zoe.doe@example.com", consent={})
    db_session.add(made)
    await db_session.flush()
    return made


def path_of(contact: Contact, topic: str | None = None) -> str:
    url = unsubscribe_url(Unsubscribe(contact.tenant_id, contact.id, uuid7(), 2, topic))
    return url[url.index("/u/") :]


async def state(session: AsyncSession, contact: Contact) -> tuple[dict[str, Any], list[str], list[str]]:
    await session.refresh(contact)
    listed = (
        await session.scalars(
            select(Suppression.address).where(
                Suppression.tenant_id == contact.tenant_id, Suppression.lifted_at.is_(None)
            )
        )
    ).all()
    names = (await session.scalars(select(Event.name).where(Event.contact_id == contact.id).order_by(Event.id))).all()
    return dict(contact.consent), list(listed), list(names)


async def test_looking_changes_nothing_and_shows_no_address(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    answer = await client.get(path_of(contact))
    assert answer.status_code == 200
    assert "z••@e••.com" in answer.text and "zoe" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert await state(db_session, contact) == ({}, [], [])


async def test_one_click(client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact) -> None:
    path = path_of(contact)
    for _ in range(2):
        answer = await client.post(
            path, data={"List-Unsubscribe": "One-Click"}, headers={"sec-fetch-site": "cross-site"}
        )
        assert answer.status_code == 200 and "You are unsubscribed" in answer.text
    assert await state(db_session, contact) == ({"email": False}, ["zoe.doe@example.com"], ["contact.unsubscribed"])


async def test_multipart_and_empty_posts_count_too(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    answer = await client.post(path_of(contact), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert (await state(db_session, contact))[0] == {"email": False}
    assert (await client.post(path_of(contact))).status_code == 200


async def test_a_topic_alone_then_all_then_again(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    path = path_of(contact, "news")
    assert "Stop emails about news" in (await client.get(path)).text
    answer = await client.post(path)
    assert "No more emails about news" in answer.text
    assert await state(db_session, contact) == ({"news": False}, [], ["contact.unsubscribed"])
    await client.post(path, data={"all": "1"})
    consent, listed, names = await state(db_session, contact)
    assert (consent, listed, len(names)) == ({"news": False, "email": False}, ["zoe.doe@example.com"], 2)
    answer = await client.post(path, data=AGAIN)
    assert "You get emails again" in answer.text
    consent, listed, names = await state(db_session, contact)
    assert (consent, listed, names[-1]) == ({"news": True, "email": True}, [], "contact.resubscribed")


async def test_a_bounced_address_stays_on_the_list(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    db_session.add(Suppression(tenant_id=contact.tenant_id, channel=1, address="zoe.doe@example.com", reason="bounced"))
    await db_session.flush()
    page = (await client.get(path_of(contact))).text
    assert "Emails to you came back" in page and "I want them again" not in page
    answer = await client.post(path_of(contact), data=AGAIN)
    assert (await state(db_session, contact))[1] == ["zoe.doe@example.com"]
    assert "You get emails again" not in answer.text and "could not be delivered" in answer.text


async def test_a_spam_report_is_not_taken_back_by_a_click(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    db_session.add(
        Suppression(tenant_id=contact.tenant_id, channel=1, address="zoe.doe@example.com", reason="complained")
    )
    await db_session.flush()
    answer = await client.post(path_of(contact), data=AGAIN)
    assert "reported as spam" in answer.text
    assert (await state(db_session, contact))[1] == ["zoe.doe@example.com"]


async def test_coming_back_is_kept_and_a_later_no_counts_again(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    path = path_of(contact)
    for _ in range(2):
        await client.post(path)
        await client.post(path, data=AGAIN)
        row = (await db_session.scalars(select(Suppression).execution_options(populate_existing=True))).one()
        assert row.lifted_at is not None and row.lifted_by == "The contact" and row.lifted_reason
    await client.post(path)
    row = (await db_session.scalars(select(Suppression).execution_options(populate_existing=True))).one()
    assert (row.reason, row.lifted_at, row.lifted_by, row.lifted_reason) == ("unsubscribed", None, None, None)
    events = (await db_session.scalars(select(Event).where(Event.contact_id == contact.id).order_by(Event.id))).all()
    assert [event.name.partition(".")[2] for event in events] == ["unsubscribed", "resubscribed"] * 2 + ["unsubscribed"]
    assert [(event.properties["by"], event.properties["channel"]) for event in events] == [("contact", "email")] * 5


async def test_consent_given_elsewhere_does_not_hide_a_later_click(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    """`consent.email: true` came by API after the no; the own act lifts the entry all the same, and is an event."""
    path = path_of(contact)
    await client.post(path)
    contact.consent = {"email": True}
    await db_session.flush()
    assert "You are unsubscribed" in (await client.get(path)).text
    assert "You get emails again" in (await client.post(path, data=AGAIN)).text
    assert (await state(db_session, contact))[2][-1] == "contact.resubscribed"


async def test_a_no_is_also_about_the_address_that_the_mail_went_to(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact
) -> None:
    run_id = uuid7()
    db_session.add(
        Message(
            run_id=run_id, seq=2, tenant_id=contact.tenant_id, workflow_id=uuid7(), contact_id=contact.id, channel=1,
            status=int(MessageStatus.SENT), recipient="zoe@old.example", created_at=clock.now(),
        )
    )  # fmt: skip
    await db_session.flush()
    path = unsubscribe_url(Unsubscribe(contact.tenant_id, contact.id, run_id, 2))[len("http://127.0.0.1:8000") :]
    await client.post(path)
    assert sorted((await state(db_session, contact))[1]) == ["zoe.doe@example.com", "zoe@old.example"]
    await client.post(path, data=AGAIN)
    assert (await state(db_session, contact))[1] == []


@pytest.mark.parametrize("address", ["", "zoe@example.com", "z••@e••.com", "\u017foe.doe@example.com", "1"])
async def test_a_click_alone_is_no_consent(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact, address: str
) -> None:
    path = path_of(contact)
    await client.post(path)
    answer = await client.post(path, data={"again": "1", "address": address})
    assert answer.status_code == 200 and "not the address that this email went to" in answer.text
    assert await state(db_session, contact) == ({"email": False}, ["zoe.doe@example.com"], ["contact.unsubscribed"])
    answer = await client.post(path, data={"again": "1", "address": " Zoe.DOE@example.com "})
    assert "You get emails again" in answer.text


@pytest.mark.parametrize("size", [17_000, 900_000])
@pytest.mark.parametrize("way", ["/u/x.y", "real"])
async def test_a_stranger_sends_little_and_nothing_without_a_true_link(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact, size: int, way: str
) -> None:
    path = path_of(contact) if way == "real" else way
    answer = await client.post(path, content=b"a=1&" * (size // 4), headers={"content-type": FORM})
    assert answer.status_code == 413
    answer = await client.post(path, content=b"a=1&" * 2_000, headers={"content-type": FORM})
    assert answer.status_code == (200 if way == "real" else 404)


@pytest.mark.parametrize("broken", ["/u/x", "/u/x.y", "/u/" + "a" * 500])
async def test_broken_links(client: httpx.AsyncClient, broken: str) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, broken)
        assert answer.status_code == 404 and "newest email" in answer.text


async def test_forged_links_and_contacts_that_are_gone(
    client: httpx.AsyncClient, contact: Contact, other_workspace: Workspace
) -> None:
    link = path_of(contact)
    for forged in (
        "/u/" + crypto.sign("another purpose", [contact.tenant_id, str(contact.id), str(uuid4()), 2, None]),
        link[:-2] + ("AA" if not link.endswith("AA") else "BB"),
        re.sub(r"/u/(.)", "/u/A", link) if link[3] != "A" else link.replace("/u/A", "/u/B"),
        unsubscribe_url(Unsubscribe(other_workspace.id, contact.id, uuid7(), 2))[len("http://127.0.0.1:8000") :],
        unsubscribe_url(Unsubscribe(contact.tenant_id, uuid4(), uuid7(), 2))[len("http://127.0.0.1:8000") :],
    ):
        assert (await client.post(forged)).status_code == 404, forged


@pytest.mark.parametrize(
    ("address", "shown"),
    [("zoe@example.com", "z••@e••.com"), ("a@b.co.uk", "a••@b••.uk"), ("x@localhost", "x••@••localhost")],
)
def test_masked(address: str, shown: str) -> None:
    assert masked_address(address) == shown


@pytest.mark.parametrize("status", [MessageStatus.SENT, MessageStatus.UNCERTAIN])
async def test_the_link_is_counted_once_for_each_message_as_what_providers_report_is(
    client: httpx.AsyncClient, db_session: AsyncSession, contact: Contact, status: MessageStatus
) -> None:
    workflow_id, keys = uuid7(), [(uuid7(), 2), (uuid7(), 2)]
    for run_id, seq in keys:
        db_session.add(
            Message(
                run_id=run_id, seq=seq, tenant_id=contact.tenant_id, workflow_id=workflow_id, workflow_version=1, node_id="mail",
                contact_id=contact.id, channel=1, status=int(status), recipient=contact.email, created_at=clock.now(),
                settled_at=clock.now(),
            )
        )  # fmt: skip
    await db_session.flush()
    first, second = (
        urlsplit(unsubscribe_url(Unsubscribe(contact.tenant_id, contact.id, *key, "news"))).path for key in keys
    )
    await client.get(first)
    assert await reported(db_session, contact) == ({}, [])
    for path, form in (
        (first, {}),
        (first, {"all": "1"}),
        (second, {"all": "1"}),
        (second, AGAIN),
        (second, {"all": "1"}),
    ):
        assert (await client.post(path, data=form)).status_code == 200
    counts, details = await reported(db_session, contact)
    assert counts["message.reported.unsubscribed"] == 2 and details == ["news", None], "which topic it was about"
    stored = await db_session.scalars(select(Message.status).execution_options(populate_existing=True))
    assert set(stored) == {MessageStatus.SENT}, "whoever has the link has the message"
    stranger = Unsubscribe(contact.tenant_id, uuid4(), *keys[0])
    assert (await client.post(urlsplit(unsubscribe_url(stranger)).path)).status_code == 404
    assert await reported(db_session, contact) == (counts, details)


async def reported(session: AsyncSession, contact: Contact) -> tuple[dict[str, int], list[str | None]]:
    """Counters of messages, and what the stored reports say, the first first."""
    counters = await session.execute(
        select(NodeStat.key, func.sum(NodeStat.n)).where(NodeStat.tenant_id == contact.tenant_id).group_by(NodeStat.key)
    )
    rows = await session.scalars(select(StoredReport).order_by(StoredReport.at, StoredReport.detail))
    return {key: int(n) for key, n in counters}, [row.detail for row in rows]
