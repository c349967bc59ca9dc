"""Pages of templates: who may see and do what, previews, tests, and that nobody sees another workspace's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import trial
from app.lib.ids import uuid7
from app.models import Connector, Contact, Template, Workspace
from app.models.status import Role
from tests.fixtures.sink import Sink

FORM = {
    "name": "Welcome",
    "subject": "Hi {{ contact.first_name }}",
    "html": "<h1>Hello {{ contact.first_name }}</h1>",
    "text": "",
}
HTMX = {"hx-request": "true"}


async def add_template(session: AsyncSession, workspace: Workspace, **change: Any) -> Template:
    template = Template(tenant_id=workspace.id, **{**FORM, **change})
    session.add(template)
    await session.flush()
    return template


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


async def test_create_save_duplicate_delete(browser: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    marketer = await browser(Role.MARKETER)
    assert "Hello" in (await marketer.get("/templates/new")).text
    made = await marketer.post("/templates", data=FORM)
    assert made.status_code == 303
    path = made.headers["location"]
    template = await db_session.get(Template, (workspace.id, UUID(path.rsplit("/", 1)[1])))
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
        assert "Line 2: expected “{% endif %}”" in answer.text and "{% if x %}" in answer.text
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
        "when the mistake is fixed"
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
