"""Calling a service for real within a test: shown first, made by an admin alone, and kept with the sample while its step asks the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Message, Run, WorkflowSample
from app.models.status import Role
from app.test_runs import real_calls
from tests.builder.test_walk_pages import lit
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.people import ApiClients, BrowserClients
from tests.test_runs.test_api import CONTACTS, WORKFLOWS


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(real_calls.turns, "_a_minute", 100)
    with recording() as recorder:
        yield recorder


async def make(program: httpx.AsyncClient, url: str, **config: Any) -> str:
    """A draft that asks a service about the contact, and goes by what it answers."""
    await program.post(CONTACTS, json={"email": "ada@example.com", "attributes": {"first_name": "Ada"}})
    ask = {
        "method": "POST",
        "url": f"{url}/orders/{{{{ contact.first_name }}}}",
        "headers": {"X-Key": "t0ken"},
        **config,
    }
    rule = [{"field": "steps.ask.body.n", "operator": "equals", "value": 7}]
    body = {
        "name": "Asks",
        "trigger": {"type": "event", "event": "go"},
        "nodes": [
            {"id": "ask", "type": "http_request", "data": ask},
            {"id": "seven", "type": "condition", "data": {"conditions": rule}},
        ],
        "edges": [{"source": "trigger", "target": "ask"}, {"source": "ask", "target": "seven"}],
    }
    answer = await program.post(WORKFLOWS, json=body)
    assert answer.status_code < 300, answer.text
    return str(answer.json()["data"]["id"])


async def call_really(person: httpx.AsyncClient, url: str, place: str = "ask#1") -> str:
    """Look, and press: the page that comes."""
    look = await person.post(f"{url}/call/look", data={"place": place})
    return (await person.post(f"{url}/call", data=hidden(look.text))).text


def hidden(dialog: str) -> dict[str, str]:
    """What the dialog of a call sends back."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', dialog))


def ports(page: str) -> dict[str, str]:
    return {step["nodeId"]: step["port"] for step in lit(page)["steps"]}


async def test_a_call_is_shown_made_once_and_the_test_goes_on_with_its_answer(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, server: Recorder
) -> None:
    server.answer = lambda asked: json_reply({"n": 7})
    program, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    url = f"/workflows/{await make(program, server.url)}/test"
    before = (await admin.post(url)).text
    assert ports(before)["seven"] == "false" and "Call it really…" in before and not server.asked
    (place,) = re.findall(r"&#34;place&#34;: ?&#34;([^&]+)&#34;", before)
    look = (await admin.post(f"{url}/call/look", data={"place": place})).text
    assert f"POST {server.url}/orders/Ada" in look and "may change something there" in look and "Call it now" in look
    assert not server.asked, "looking calls nobody"
    called = (await admin.post(f"{url}/call", data=hidden(look))).text
    assert [(one.method, one.path) for one in server.asked] == [("POST", "/orders/Ada")]
    assert ports(called)["seven"] == "true" and "The service was really called in a test" in called
    for again in (
        await admin.post(url),
        await (await browser(Role.MARKETER)).post(url),
    ):  # whoever tests goes on with it
        assert ports(again.text)["seven"] == "true" and "Call it again…" in again.text
    assert len(server.asked) == 1, "a test calls nobody by itself"
    assert (await admin.post(f"{url}/nodes/ask")).text.count("&#34;n&#34;: 7") == 1, "the panel of the step shows it"
    assert not (await db_session.scalars(select(Run))).all() and not (await db_session.scalars(select(Message))).all()


async def test_an_answer_is_none_to_another_question(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, server: Recorder
) -> None:
    server.answer = lambda asked: json_reply({"n": 7})
    program, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    workflow = await make(program, server.url)
    url = f"/workflows/{workflow}/test"
    assert ports(await call_really(admin, url))["seven"] == "true"
    grace = (await program.post(CONTACTS, json={"email": "grace@example.com"})).json()["data"]["id"]
    other = await program.post(f"{WORKFLOWS}/{workflow}/test", json={"contactId": grace})
    assert other.json()["data"]["steps"][0]["assumed"] == "answer", "it was said of somebody else"
    document = (await program.get(f"{WORKFLOWS}/{workflow}")).json()["data"]
    document["nodes"][0]["data"]["method"] = "PUT"
    changed = {"nodes": document["nodes"], "edges": document["edges"], "triggers": document["triggers"]}
    answer = await program.patch(f"{WORKFLOWS}/{workflow}", json=changed)
    assert answer.status_code == 200, answer.text
    assert ports((await admin.post(url)).text)["seven"] == "false" and len(server.asked) == 1
    await admin.post(f"{url}/sample", data={"contactId": grace})
    rows = (await db_session.scalars(select(WorkflowSample.answers))).all()
    assert rows == [{}], "they were of the sample before"


async def test_who_may_not_call_and_where_nothing_is_called(
    api: ApiClients, browser: BrowserClients, server: Recorder
) -> None:
    program = await api(Role.ADMIN)
    url, marketer = f"/workflows/{await make(program, server.url)}/test", await browser(Role.MARKETER)
    look = (await marketer.post(f"{url}/call/look", data={"place": "ask#1"})).text
    assert "An admin can call it." in look and "Call it now" not in look
    assert (await marketer.post(f"{url}/call", data={"place": "ask#1"})).status_code == 403
    for place in ("seven#1", "ask#2", "nowhere#1", ""):
        look = (await (await browser(Role.ADMIN)).post(f"{url}/call/look", data={"place": place})).text
        assert "does not come to a call at this step" in look, place
    for place in ("seven#1", "ask#2"):
        page = (await (await browser(Role.ADMIN)).post(f"{url}/call", data={"place": place})).text
        assert "does not come to a call at this step" in page, place
    assert not server.asked


async def test_a_service_that_fails_is_an_answer_too_and_shows_no_secret(
    api: ApiClients, browser: BrowserClients, server: Recorder
) -> None:
    program, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    url = f"/workflows/{await make(program, server.url, headers={'Authorization': 'Bearer t0ken'})}/test"
    for reply, words in ((json_reply({"why": "no"}, 400), "The answer was 400"), (Reply(cut=True), "")):
        server.answer = lambda asked, reply=reply: reply  # type: ignore[misc]
        page = await call_really(admin, url)
        assert lit(page)["steps"][1]["status"] == "failed" and words in page
        assert "t0ken" not in page.replace("X-Key", ""), "secrets are not shown"
    look = (await admin.post(f"{url}/call/look", data={"place": "ask#1"})).text
    assert "t0ken" not in look
    inside = f"/workflows/{await make(program, 'http://10.0.0.5')}/test"
    look = (await admin.post(f"{inside}/call/look", data={"place": "ask#1"})).text
    assert "Call it now" not in look, "what lies inside is not called"


async def test_one_person_calls_only_so_often(
    api: ApiClients, browser: BrowserClients, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_calls.turns, "_a_minute", 2)
    admin = await browser(Role.ADMIN)
    url = f"/workflows/{await make(await api(Role.ADMIN), server.url)}/test"
    pages = [await call_really(admin, url) for _ in range(3)]
    assert len(server.asked) == 2 and "tests a minute" in pages[2]
