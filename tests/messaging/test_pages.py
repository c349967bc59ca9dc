"""Pages of templates, messages and the mailbox: who may see and do what, and that nobody sees another workspace's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import trial
from app.lib import clock
from app.lib.ids import uuid7
from app.mailbox import pages
from app.models import Connector, Contact, MailboxMessage, Message, Template, Workspace
from app.models.status import MessageStatus, Role
from app.settings import settings
from tests.messaging.sink import Sink

FORM = {
    "name": "Welcome",
    "subject": "Hi {{ contact.first_name }}",
    "html": "<h1>Hello {{ contact.first_name }}</h1>",
    "text": "",
}
HTMX = {"hx-request": "true"}
RAW = (
    b"From: The Shop <shop@example.com>\r\nTo: zoe@example.com\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nthe plain words\r\n'
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>the <b>rich</b> words</p><script>alert(1)</script>\r\n--b--\r\n"
)


async def add_template(session: AsyncSession, workspace: Workspace, **change: Any) -> Template:
    template = Template(tenant_id=workspace.id, **{**FORM, **change})
    session.add(template)
    await session.flush()
    return template


async def add_mail(session: AsyncSession, workspace: Workspace, **change: Any) -> MailboxMessage:
    values = {
        "sender": "shop@example.com",
        "recipients": ["zoe@example.com"],
        "subject": "Hello",
        "raw": RAW,
        "message_id": "<1@x>",
    }
    mail = MailboxMessage(id=uuid7(), tenant_id=workspace.id, **{**values, **change})
    session.add(mail)
    await session.flush()
    return mail


async def add_message(session: AsyncSession, workspace: Workspace, **change: Any) -> Message:
    values = {
        "run_id": uuid7(), "seq": 2, "tenant_id": workspace.id, "workflow_id": uuid7(), "contact_id": uuid7(), "channel": 1,
        "status": int(MessageStatus.SENT), "recipient": "zoe@example.com", "subject": "Hi there", "created_at": clock.now(),
    }  # fmt: skip
    message = Message(**{**values, **change})
    session.add(message)
    await session.flush()
    return message


# ---- templates


async def test_list_and_search(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await add_template(db_session, workspace)
    await add_template(db_session, workspace, name="Newsletter")
    await add_template(db_session, other_workspace, name="Secret")
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/templates")).text
    assert "Welcome" in page and "Newsletter" in page and "Secret" not in page
    assert "Hi Ada" in page, "the subject reads as a person would read it"
    assert "/templates/new" not in page, "a viewer is not offered what would be refused"
    part = (await viewer.get("/templates", params={"search": "news"}, headers=HTMX)).text
    assert "Newsletter" in part and "Welcome" not in part and "<html" not in part
    assert "No template is called" in (await viewer.get("/templates", params={"search": "zzz"})).text
    assert "New template" in (await (await browser(Role.MARKETER)).get("/templates")).text


async def test_empty_list(browser: Any) -> None:
    assert "No templates yet" in (await (await browser(Role.VIEWER)).get("/templates")).text


async def test_create_save_duplicate_delete(browser: Any, db_session: AsyncSession) -> None:
    marketer = await browser(Role.MARKETER)
    assert "Hello" in (await marketer.get("/templates/new")).text
    made = await marketer.post("/templates", data=FORM)
    assert made.status_code == 303
    path = made.headers["location"]
    template = await db_session.get(Template, UUID(path.rsplit("/", 1)[1]))
    assert template is not None and template.html == FORM["html"] and template.updated_by is not None
    saved = await marketer.post(path, data={**FORM, "subject": "Changed", "html": "<p>\r\nx</p>"})
    assert saved.status_code == 303
    await db_session.refresh(template)
    assert (template.subject, template.html) == ("Changed", "<p>\nx</p>")
    copied = await marketer.post(f"{path}/duplicate")
    names = (await db_session.scalars(select(Template.name).where(Template.tenant_id == template.tenant_id))).all()
    assert copied.status_code == 303 and sorted(names) == ["Welcome", "Welcome (copy)"]
    assert (await marketer.post(f"{path}/delete")).status_code == 303
    assert (await marketer.get(path)).status_code == 404


async def test_mistakes_come_back_with_what_was_typed(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    marketer = await browser(Role.MARKETER)
    template = await add_template(db_session, workspace)
    for path in ("/templates", f"/templates/{template.id}"):
        answer = await marketer.post(path, data={**FORM, "name": "Other", "html": "<p>\n{% if x %}</p>"})
        assert answer.status_code == 422
        assert "Line 2: expected tag endif" in answer.text and "{% if x %}" in answer.text
        assert (await marketer.post(path, data={**FORM, "name": "x" * 121})).status_code == 422
    await add_template(db_session, workspace, name="Taken")
    taken = await marketer.post("/templates", data={**FORM, "name": "Taken"})
    assert taken.status_code == 409 and "Another template has this name" in taken.text


async def test_preview_lives_in_a_frame_of_its_own(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    db_session.add(Contact(tenant_id=workspace.id, email="zoe@example.com", attributes={"first_name": "<Zoé>"}))
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    page = await viewer.post("/templates/preview", data={**FORM, "as": "ZOE@example.com"}, headers=HTMX)
    assert "Hi &lt;Zoé&gt;" in page.text and "zoe@example.com" in page.text
    frame = await viewer.post("/templates/preview/frame", data={**FORM, "as": "zoe@example.com"})
    assert "<h1>Hello &lt;Zoé&gt;</h1>" in frame.text
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script-src" not in policy
    unknown = await viewer.post("/templates/preview", data={**FORM, "as": "nobody@example.com"}, headers=HTMX)
    assert unknown.status_code == 200 and "No contact has this address" in unknown.text
    broken = await viewer.post("/templates/preview", data={**FORM, "html": "{{ x | nope }}"}, headers=HTMX)
    assert "Line 1: there is no filter called" in broken.text
    assert (
        "when the mistake is mended"
        in (await viewer.post("/templates/preview/frame", data={**FORM, "html": "{{ x"})).text
    )
    template = await add_template(db_session, workspace)
    assert "Hello Ada" in (await viewer.get(f"/templates/{template.id}/frame")).text


@pytest.mark.parametrize("to", ["me@example.com", "nobody"])
async def test_send_a_test(browser: Any, db_session: AsyncSession, workspace: Workspace, sink: Sink, to: str) -> None:
    marketer = await browser(Role.MARKETER)
    none_yet = await marketer.post("/templates/test", data={**FORM, "to": to}, headers=HTMX)
    assert "no connector" in none_yet.headers["hx-trigger"]
    config = {"host": "127.0.0.1", "port": sink.port, "security": "none", "fromEmail": "shop@example.com"}
    made = Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="c", config=config, is_default=True,
                     secret=None)  # fmt: skip
    db_session.add(made)
    await db_session.flush()
    answer = await marketer.post("/templates/test", data={**FORM, "to": to}, headers=HTMX)
    assert answer.status_code == 200
    if to == "nobody":
        assert "Write one email address" in answer.headers["hx-trigger"] and not sink.mails
    else:
        assert "Sent to me@example.com" in answer.headers["hx-trigger"]
        assert sink.mails[0]["Subject"] == "[Test] Hi Ada" and "Hello Ada" in str(sink.mails[0].get_body(("html",)))


async def test_viewers_and_strangers_change_nothing(
    browser: Any, client: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    template = await add_template(db_session, workspace)
    viewer, stranger = await browser(Role.VIEWER), await browser(Role.OWNER, other_workspace)
    path = f"/templates/{template.id}"
    page = (await viewer.get(path)).text
    assert "readonly" in page and ">Save<" not in page
    for unsafe in (path, f"{path}/duplicate", f"{path}/delete"):
        assert (await viewer.post(unsafe, data=FORM)).status_code == 403
        assert (await stranger.post(unsafe, data=FORM)).status_code == 404
    for unsafe in ("/templates", "/templates/test"):
        assert (await viewer.post(unsafe, data=FORM)).status_code == 403
    assert (await viewer.get("/templates/new")).status_code == 403
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get(f"{path}/frame")).status_code == 404
    assert (await client.get("/templates")).status_code == 303


# ---- messages


async def test_ledger(browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace) -> None:
    message = await add_message(db_session, workspace)
    failed = await add_message(
        db_session, workspace, status=int(MessageStatus.FAILED), error_message="The template was deleted.", subject=None
    )
    await add_message(db_session, other_workspace, subject="Secret")
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/messages")).text
    assert "Hi there" in page and "The template was deleted." in page and "Secret" not in page
    part = (await viewer.get("/messages", params={"status": "failed"}, headers=HTMX)).text
    assert "The template was deleted." in part and "Hi there" not in part and "<html" not in part
    one = (await viewer.get("/messages", params={"contact": str(message.contact_id)})).text
    assert "One contact only" in one and "Hi there" in one and "The template was deleted." not in one
    for name in ("status", "workflow", "contact"):
        assert (await viewer.get("/messages", params={name: "x"})).status_code == 422
    assert "Nothing like that" in (await viewer.get("/messages", params={"workflow": str(uuid4())})).text
    assert "Hi there" in (await viewer.get(f"/messages/{message.run_id}-2")).text
    assert "The template was deleted." in (await viewer.get(f"/messages/{failed.run_id}-2")).text
    stranger = await browser(Role.OWNER, other_workspace)
    assert (await stranger.get(f"/messages/{message.run_id}-2")).status_code == 404
    assert (await viewer.get("/messages/nonsense")).status_code == 404


async def test_test_mails_are_counted(
    browser: Any, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "A_MINUTE", 1)
    config = {"host": "127.0.0.1", "port": 9, "security": "none", "fromEmail": "shop@example.com"}
    made = Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="c", config=config, is_default=True)
    db_session.add(made)
    await db_session.flush()
    admin = await browser(Role.ADMIN)
    for words in ("No mail server was found", "tests a minute"):
        told = await admin.post("/templates/test", data={**FORM, "to": "me@example.com"}, headers=HTMX)
        assert told.status_code == 200 and words in told.headers["hx-trigger"]
    assert "tests a minute" in (await admin.post(f"/connectors/{made.id}/test", data={"to": "me@example.com"})).text


# ---- mailbox


async def test_mailbox(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    assert "The mailbox is empty" in (await viewer.get("/mailbox")).text
    mail = await add_mail(db_session, workspace)
    await add_mail(db_session, workspace, recipients=["ada@example.com"], subject="Other")
    await add_mail(db_session, other_workspace, subject="Secret")
    page = (await viewer.get("/mailbox")).text
    assert "zoe@example.com" in page and "ada@example.com" in page and "Secret" not in page
    part = (await viewer.get("/mailbox", params={"search": "ZOE"}, headers=HTMX)).text
    assert "zoe@example.com" in part and "ada@example.com" not in part and "<html" not in part
    shown = (await viewer.get(f"/mailbox/{mail.id}")).text
    assert f"/mailbox/{mail.id}/frame" in shown and "The Shop" in shown
    assert "the plain words" in (await viewer.get(f"/mailbox/{mail.id}", params={"view": "text"})).text
    assert "multipart/alternative" in (await viewer.get(f"/mailbox/{mail.id}", params={"view": "headers"})).text
    frame = await viewer.get(f"/mailbox/{mail.id}/frame")
    assert "<b>rich</b>" in frame.text and "sandbox" in frame.headers["content-security-policy"]
    assert "allow-scripts" not in frame.headers["content-security-policy"]
    raw = await viewer.get(f"/mailbox/{mail.id}/raw")
    assert raw.content == RAW and "attachment" in raw.headers["content-disposition"]
    stranger = await browser(Role.OWNER, other_workspace)
    for tail in ("", "/frame", "/raw"):
        assert (await stranger.get(f"/mailbox/{mail.id}{tail}")).status_code == 404


async def test_clearing_is_for_marketers_and_for_this_workspace(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await add_mail(db_session, workspace)
    await add_mail(db_session, other_workspace)
    assert (await (await browser(Role.VIEWER)).post("/mailbox/clear")).status_code == 403
    assert (await (await browser(Role.MARKETER)).post("/mailbox/clear")).status_code == 303
    left = (await db_session.scalars(select(MailboxMessage.tenant_id))).all()
    assert other_workspace.id in left and workspace.id not in left


async def test_broken_mails_are_shown_as_far_as_they_go(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    for raw in (
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: text/html; charset=nope\r\n\r\n\xe9",
        "Subject: Zoë\r\n\r\nx".encode(),
        b"Subject: =?x?q?=\r\nTo: <<>>\r\n\r\nx",
    ):
        mail = await add_mail(db_session, workspace, raw=raw)
        for tail in ("", "?view=text", "?view=headers", "/frame"):
            assert (await viewer.get(f"/mailbox/{mail.id}{tail}")).status_code == 200


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pages, "settings", lambda: dataclasses.replace(settings(), local=False))
    yield


async def test_there_is_no_mailbox_in_production(
    production: None, browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    mail = await add_mail(db_session, workspace)
    owner = await browser(Role.OWNER)
    for path in ("/mailbox", f"/mailbox/{mail.id}", f"/mailbox/{mail.id}/frame", f"/mailbox/{mail.id}/raw"):
        assert (await owner.get(path)).status_code == 404
    assert (await owner.post("/mailbox/clear")).status_code == 404
