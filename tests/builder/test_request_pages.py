"""Beside the form of an HTTP step: a curl command is read, its request is shown without credentials, and sent by admins only."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.schemas import NewConnector
from app.connectors.service import ConnectorService
from app.flow.document import Flow
from app.lib.ids import uuid7
from app.models import Contact, Workflow, Workspace
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.builder.test_pages import service as service
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.people import BrowserClients


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


class Step:
    """A workflow with one request, and the contact that it is tried with."""

    def __init__(self, workflow: Workflow) -> None:
        self.curl = f"/workflows/{workflow.id}/curl"
        self.panel, self.request, self.trial = (
            f"/workflows/{workflow.id}/nodes/ask{tail}" for tail in ("/panel", "/request", "/trial")
        )


@pytest.fixture
async def step(
    service: WorkflowService, db_session: AsyncSession, principals: dict[Role, Principal], workspace: Workspace,
    other_workspace: Workspace, server: Recorder,
) -> Step:  # fmt: skip
    connectors = ConnectorService(db_session, principals[Role.OWNER])
    config = {"baseUrl": server.url, "auth": "bearer", "secret": "t0ken"}
    connector = await connectors.create(NewConnector(name="API", type="http", config=config))
    data = {
        "method": "POST", "url": "/orders/{{ contact.first_name }}", "connectorId": str(connector.id),
        "headers": {"X-Of": "{{ contact.email }}"}, "body": {"type": "json", "value": '{"name": "{{ contact.first_name }}"}'},
    }  # fmt: skip
    node = {"id": "ask", "type": "http_request", "position": {"x": 0, "y": 168}, "data": data}
    flow = {
        "trigger": {"type": "event", "event": "go", "position": {"x": 0, "y": 0}},
        "nodes": [node],
        "edges": [{"source": "trigger", "target": "ask"}],
    }
    for owner, email, name in (
        (workspace, "ada@example.com", "Ada"),
        (other_workspace, "eve@example.com", "Eve"),
        (workspace, "bob@example.com", "Bob"),
    ):
        db_session.add(Contact(id=uuid7(), tenant_id=owner.id, email=email, attributes={"first_name": name}, tags=[]))
        await db_session.flush()
    return Step(await service.create(name="Orders", flow=Flow.load(flow)))


async def test_a_command_is_shown_and_taken_over_by_a_press(browser: BrowserClients, step: Step) -> None:
    client = await browser(Role.MARKETER)
    command = "curl https://api.example.com/x -H 'Authorization: Bearer s3cret' -H 'X-A: 1' --json '{\"a\": \"<b>\"}'"
    page = (await client.post(step.curl, data={"curl": command})).text
    (held,) = re.findall(r'data-set-data="([^"]*)"', page)
    settings: Any = json.loads(html.unescape(held))
    assert (settings["method"], settings["url"], settings["headers"]) == (
        "POST",
        "https://api.example.com/x",
        {"X-A": "1"},
    )
    assert settings["body"] == {"type": "json", "value": '{"a": "<b>"}'}
    assert "Put it into a connector (Bearer token)" in page and "s3cret" not in page and "<b>" not in page
    refused = (await client.post(step.curl, data={"curl": "curl x -F a=@b"})).text
    assert "Forms with parts" in refused and "data-set-data" not in refused


async def test_the_request_is_shown_for_a_chosen_contact_and_nothing_is_called(
    browser: BrowserClients, step: Step, server: Recorder
) -> None:
    client = await browser(Role.MARKETER)
    for address, name in (("", "Bob"), ("Ada@example.com", "Ada")):
        page = (await client.post(step.request, data={"contact": address})).text
        assert f"/orders/{name}" in page and f"{name.lower()}@example.com" in page and "Would be sent" in page
        assert "•••" in page and "t0ken" not in page and "An admin can send it" in page
    page = (await client.post(step.request, data={"contact": "eve@example.com"})).text
    assert "There is no contact with the address eve@example.com" in page
    assert server.asked == []


async def test_admins_send_it_for_real_after_a_confirmation(
    browser: BrowserClients, step: Step, server: Recorder
) -> None:
    marketer, admin = await browser(Role.MARKETER), await browser(Role.ADMIN)
    assert (await marketer.post(step.trial, data={"contact": ""})).status_code == 403 and server.asked == []
    shown = (await admin.post(step.request, data={"contact": "ada@example.com"})).text
    assert "hx-confirm" in shown and 'value="ada@example.com"' in shown
    server.answer = lambda asked: json_reply({"id": 7, "token": "an-answer-s3cret"}, 201)
    page = (await admin.post(step.trial, data={"contact": "ada@example.com"})).text
    (asked,) = server.asked
    assert (asked.path, asked.json, asked.headers["authorization"]) == ("/orders/Ada", {"name": "Ada"}, "Bearer t0ken")
    assert asked.headers["idempotency-key"].startswith("trial_")
    assert (
        "Answered 201" in page and "&#34;id&#34;: 7" in page and "an-answer-s3cret" not in page and "t0ken" not in page
    )
    server.answer = lambda asked: Reply(503, b"down")
    assert "Answered 503" in (await admin.post(step.trial, data={})).text


async def test_what_is_wrong_is_said_in_words(browser: BrowserClients, step: Step, server: Recorder) -> None:
    admin = await browser(Role.ADMIN)
    assert (await admin.post(step.request.replace("/ask/", "/none/"), data={})).status_code == 404
    viewer = await browser(Role.VIEWER)
    assert (await viewer.post(step.request, data={})).status_code == 403
    assert "Paste a curl command" not in (await viewer.get(step.panel)).text
    panel = (await admin.get(step.panel)).text
    assert "Paste a curl command" in panel and "Show the request" in panel and "HubSpot contact" in panel
