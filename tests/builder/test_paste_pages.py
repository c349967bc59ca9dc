"""Pasted steps that name what this workspace does not have: asked about once each, with what fits here."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder import missing_rows
from app.models import Template, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients, make_workspace

GONE = str(uuid4())


async def ask(client: httpx.AsyncClient, nodes: Any, **names: str) -> httpx.Response:
    return await client.post("/workflows/paste", data={"nodes": json.dumps(nodes), "names": json.dumps(names)})


def mail(node_id: str, template: str, **data: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "send_email", "name": node_id, "data": {"templateId": template, **data}}


async def template(session: AsyncSession, workspace: Workspace, name: str, channel: str = "email") -> str:
    row = Template(tenant_id=workspace.id, name=name, subject="Hi", html="<p>Hi</p>", text="Hi", channel=channel)
    session.add(row)
    await session.flush()
    return str(row.id)


def options(page: str) -> list[str]:
    return re.findall(r"<option[^>]*>([^<]+)</option>", page)


async def test_what_is_not_here_is_asked_about_with_what_fits(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    own = await template(db_session, workspace, "Welcome")
    await template(db_session, workspace, "Text", "sms")
    other = await template(db_session, await make_workspace(db_session, "Other"), "Foreign")
    client = await browser(Role.MARKETER)
    for missing in (GONE, other):  # what another workspace has is not here
        page = (await ask(client, [mail("one", missing), mail("two", missing), mail("three", own)])).text
        assert page.count("data-missing") == 1 and f'data-missing="{missing}"' in page
        assert options(page) == ["Leave empty", "Welcome"] and "Used by one, two" in page and "Foreign" not in page
        assert "selected>Leave empty" in page
    named = (await ask(client, [mail("one", GONE)], **{GONE: "Welcome"})).text
    assert f'<option value="{own}" selected>' in named and "“Welcome”" in named


async def test_where_very_much_fits_fewer_are_asked_about_at_once(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("One", "Two", "Three"):
        await template(db_session, workspace, name)
    client, steps = await browser(Role.MARKETER), [mail(f"m{number}", str(uuid4())) for number in range(5)]
    for most, asked in ((5_000, 5), (7, 2), (2, 1)):
        monkeypatch.setattr(missing_rows, "MOST_OPTIONS", most)
        assert (await ask(client, steps)).text.count("data-missing") == asked


async def test_nothing_is_asked_when_all_is_here_or_nothing_is_named(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    own, client = await template(db_session, workspace, "Welcome"), await browser(Role.MARKETER)
    tag = {"id": "tag", "type": "add_tag", "data": {"tag": GONE}}
    unknown = {"id": "x", "type": "from_a_plugin", "data": {"templateId": GONE}}
    for nodes in ([], [mail("one", own)], [tag, unknown], [3, {"id": 3}, {"id": "a" * 300, "type": "delay"}]):
        assert (await ask(client, nodes)).status_code == 204, nodes


async def test_what_are_no_steps_is_refused(browser: BrowserClients) -> None:
    client = await browser(Role.MARKETER)
    for text in ("", "{", "3", "[" * 5_000, json.dumps([{}] * 5_000)):
        answer = await client.post("/workflows/paste", data={"nodes": text})
        assert answer.status_code == 422, text[:20]


async def test_topics_that_nobody_here_has_heard_of_are_asked_about(
    browser: BrowserClients, api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    """A message about `news` would reach who opted out of `newsletter`, if both mean the same."""
    own, client, programs = (
        await template(db_session, workspace, "Welcome"),
        await browser(Role.MARKETER),
        await api(Role.OWNER),
    )
    body = {"email": "ada@example.com", "consent": {"newsletter": False, "email": True}}
    assert (await programs.post("/api/v1/contacts", json=body)).status_code < 300
    flow = {"name": "Uses one", "nodes": [mail("m", own, topic="offers")]}
    assert (await programs.post("/api/v1/workflows", json=flow)).status_code < 300
    page = (await ask(client, [mail("one", own, topic="news "), mail("two", own, topic="news")])).text
    assert page.count("data-missing") == 1 and 'data-missing="topic:news"' in page and 'data-fields="topic"' in page
    assert options(page) == ["Leave empty", "news, as a new topic", "newsletter", "offers"]
    assert '<option value="news" selected>' in page and "Used by one, two" in page
    for topic in ("newsletter", "Newsletter", "offers", "{{ event.topic }}", "", 3):
        assert (await ask(client, [mail("one", own, topic=topic)])).status_code == 204, topic
