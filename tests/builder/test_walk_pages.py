"""Testing the draft on the canvas: the way of the sample, other ways, other people, and who may."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.lib.ids import uuid7
from app.models import Connector, Workspace
from app.models.status import Role, RunStatus
from app.workflows.service import WorkflowService
from tests.builder.test_pages import service as service
from tests.builder.test_texts import somebody as somebody
from tests.fixtures.people import ApiClients, BrowserClients, make_user, principal_of
from tests.fixtures.sink import Sink
from tests.runs.test_pages import make_run, make_workflow
from tests.test_runs.test_api import CONTACTS, WORKFLOWS, made


def lit(html: str) -> dict[str, Any]:
    """What the canvas is told."""
    tag = re.search(r'<script type="application/json" data-overlay="test">(.*?)</script>', html, re.S)
    assert tag is not None
    data: dict[str, Any] = json.loads(tag[1])
    return data


async def test_the_sample_walks_and_its_way_is_lit(api: ApiClients, browser: BrowserClients) -> None:
    workflow, _ = await made(await api(Role.ADMIN))
    page = await browser(Role.MARKETER)
    answer = await page.post(f"/workflows/{workflow}/test")
    assert answer.status_code == 200, answer.text
    data = lit(answer.text)
    assert data["name"] == "Test as Ada Lovelace"
    assert '<b dir="auto">Wait 2 days</b>' in answer.text and '<b dir="auto">If event plan is pro</b>' in answer.text
    assert [(one["nodeId"], one["port"]) for one in data["steps"]] == [
        ("trigger", "next"), ("mail", "next"), ("wait", "next"), ("pro", "true"), ("tag", "next"), ("buy", "timeout"),
    ]  # fmt: skip
    assert "Would send “Hi Ada” to ada@example.com." in answer.text and "Hi Ada, pro" in answer.text
    assert "The test lets the time go by without the event." in answer.text
    other = await page.post(f"/workflows/{workflow}/test", data={"way.buy": "next", "until": ""})
    assert lit(other.text)["steps"][-1]["port"] == "next" and "You chose this way." in other.text
    short = await page.post(f"/workflows/{workflow}/test", data={"until": "wait"})
    assert lit(short.text)["steps"][-1]["nodeId"] == "wait" and "Run to the end" in short.text
    gone = await page.post(f"/workflows/{workflow}/test", data={"until": "nowhere"})
    assert gone.status_code == 200 and "There is no step nowhere in this draft." in gone.text
    assert (await (await browser(Role.VIEWER)).post(f"/workflows/{workflow}/test")).status_code == 403


async def test_chosen_branches_outlive_a_test_that_could_not_be_made(api: ApiClients, browser: BrowserClients) -> None:
    workflow, _ = await made(await api(Role.ADMIN))
    page, hidden = await browser(Role.MARKETER), '<input type="hidden" name="way.buy" value="next">'
    refused = await page.post(f"/workflows/{workflow}/test", data={"way.buy": "next", "until": "nowhere"})
    assert "There is no step nowhere" in refused.text and hidden in refused.text
    elsewhere = await page.post(f"/workflows/{workflow}/test", data={"way.buy": "next", "until": "pro"})
    assert lit(elsewhere.text)["steps"][-1]["nodeId"] == "pro" and hidden in elsewhere.text
    shown = await page.post(f"/workflows/{workflow}/test", data={"way.buy": "next"})
    assert hidden not in shown.text and lit(shown.text)["steps"][-1]["port"] == "next"


async def test_somebody_else_is_chosen_found_or_invented(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    workflow, _ = await made(program)
    bea = (await program.post(CONTACTS, json={"email": "bea@example.com"})).json()["data"]["id"]
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}/test/sample"
    lately = await page.get(url)
    assert "Ada Lovelace" in lately.text and "signed_up" in lately.text and "Follow what comes in" not in lately.text
    found = await page.get(url, params={"q": "bea"})
    assert f"{bea}" in found.text and "Received lately" not in found.text
    chosen = await page.post(url, data={"contactId": bea})
    assert lit(chosen.text)["name"] == "Test as bea@example.com"
    assert (await program.get(f"{WORKFLOWS}/{workflow}/sample")).json()["data"]["contact"]["id"] == bea
    invented = {
        "contact": '{"attributes": {"first_name": "Eve"}}',
        "event": '{"name": "signed_up", "properties": {"plan": "free"}}',
    }
    eve = await page.post(url, data=invented)
    assert lit(eve.text)["name"] == "Test as Eve" and lit(eve.text)["steps"][-1]["port"] == "false"
    assert "The contact has no email address." in eve.text
    broken = await page.post(url, data={**invented, "event": "{"})
    assert broken.status_code == 200 and 'role="alert"' in broken.text and "Eve" in broken.text
    assert "Follow what comes in" in (await page.get(url)).text
    assert lit((await page.post(url, data={})).text)["name"] == "Test as Ada Lovelace"


@pytest.mark.usefixtures("somebody")
async def test_who_would_not_enter_is_told_by_which_condition(
    browser: BrowserClients, service: WorkflowService
) -> None:
    condition = {"field": "event.plan", "operator": "equals", "value": "gold"}
    trigger = {"type": "event", "event": "trial_started", "conditions": [condition]}
    document = {"trigger": trigger, "nodes": [{"id": "tag", "type": "add_tag", "data": {"tag": "x"}}]}
    edges = [{"source": "trigger", "target": "tag"}]
    workflow = await service.create(name="Gold", flow=Flow.load({**document, "edges": edges}))
    answer = await (await browser(Role.MARKETER)).post(f"/workflows/{workflow.id}/test")
    assert answer.status_code == 200, answer.text
    assert "Would not enter" in answer.text and "event plan is gold: no, it was empty" in " ".join(answer.text.split())


async def test_texts_of_a_step_are_tried_on_the_sample(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    workflow, _ = await made(program)
    page = await browser(Role.MARKETER)
    written = {"subject": "For {{ contact.first_name }} on {{ event.plan }}"}
    assert "For Ada on pro" in (await page.post(f"/workflows/{workflow}/texts", data=written)).text
    pinned = {
        "contact": {"attributes": {"first_name": "Eve"}},
        "event": {"name": "signed_up", "properties": {"plan": "x"}},
    }
    await program.put(f"{WORKFLOWS}/{workflow}/sample", json=pinned)
    assert "For Eve on x" in (await page.post(f"/workflows/{workflow}/texts", data=written)).text


async def test_a_step_and_the_trigger_show_what_they_are_tried_with(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    workflow, contact = await made(program)
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}/test"
    step = await page.post(f"{url}/nodes/pro")
    assert "For Ada Lovelace" in step.text and "The run took the Yes branch." in step.text
    trigger = await page.post(f"{url}/nodes/trigger")
    assert (
        "Ada Lovelace" in trigger.text
        and "/api/v1/events" in trigger.text
        and "&#34;plan&#34;: &#34;pro&#34;" in trigger.text
    )
    followed = f'data-follow="workflow={workflow}&amp;trigger=trigger&amp;on=signed_up"'
    assert followed in trigger.text and "every 4s" not in trigger.text
    assert 'hx-trigger="live, wf:saved from:flow-canvas, wf:sample from:document"' in trigger.text
    event = (await program.get(f"{WORKFLOWS}/{workflow}/sample")).json()["data"]["event"]["id"]
    chosen = await page.post(f"{url}/sample", data={"eventId": event, "contactId": contact, "node": "trigger"})
    assert "Sample" in chosen.text and "data-overlay" not in chosen.text
    invented = {
        "contact": '{"email": "x@example.com"}',
        "event": '{"name": "signed_up", "properties": {"plan": "free"}}',
    }
    await page.post(f"{url}/sample", data=invented)
    missed = await page.post(f"{url}/nodes/buy")
    assert "x@example.com does not come to this step." in missed.text and "occurredAt" in missed.text
    assert (await page.post(f"{url}/nodes/gone")).status_code == 404


async def test_a_run_is_tested_again_however_large_its_event_was(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    person = await make_user(db_session, workspace, Role.MARKETER)
    workflow = await make_workflow(db_session, principal_of(workspace, person, Role.MARKETER))
    large = {"plan": "free", "cart": "x" * 100_000}
    run = await make_run(db_session, workflow, RunStatus.FAILED, current_node_id="ask")
    run.trigger_event = large
    await db_session.flush()
    page = await browser(Role.MARKETER)
    answer = await page.post(f"/workflows/{workflow.id}/test/run/{run.id}")
    assert answer.headers["location"].endswith(f"/workflows/{workflow.id}?mode=test&step=ask"), answer.text
    assert lit((await page.post(f"/workflows/{workflow.id}/test")).text)["name"] == "Test as Ada"
    assert "x" * 100 in (await page.get(f"/workflows/{workflow.id}/test/sample")).text


async def test_the_mail_of_a_step_goes_to_oneself_alone(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, sink: Sink
) -> None:
    workflow, _ = await made(await api(Role.ADMIN))
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}/test"
    assert f'hx-post="{url}/nodes/mail/mail"' in (await page.post(url)).text
    none_yet = await page.post(f"{url}/nodes/mail/mail")
    assert "no connector" in none_yet.headers["hx-trigger"] and not sink.mails
    config = {"host": "127.0.0.1", "port": sink.port, "security": "none", "fromEmail": "shop@example.com"}
    db_session.add(Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="c", config=config, is_default=True))
    await db_session.flush()
    sent = await page.post(f"{url}/nodes/mail/mail")
    assert "Sent to " in sent.headers["hx-trigger"] and "ada@example.com" not in sent.headers["hx-trigger"]
    (mail,) = sink.mails
    assert mail["Subject"] == "[Test] Hi Ada" and "Hi Ada, pro" in str(mail.get_body(("html",)))
    assert "ada@example.com" not in str(mail["To"]) and str(mail["To"])
    for step in ("tag", "gone"):
        assert (await page.post(f"{url}/nodes/{step}/mail")).status_code == 200
    assert (
        len(sink.mails) == 1 and (await (await browser(Role.VIEWER)).post(f"{url}/nodes/mail/mail")).status_code == 403
    )


async def test_the_mail_to_oneself_leaves_as_the_step_says(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, sink: Sink
) -> None:
    """By its own connector and from whom it names, not by the default; where that connector is not there, by none."""
    program = await api(Role.ADMIN)
    workflow, _ = await made(program)
    page, url = await browser(Role.MARKETER), f"/workflows/{workflow}/test"
    config = {"host": "127.0.0.1", "port": sink.port, "security": "none", "fromEmail": "shop@example.com"}
    own = Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="Own", config=config)
    closed = {"host": "127.0.0.1", "port": 1, "security": "none", "fromEmail": "other@example.com"}
    other = Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="Other", config=closed, is_default=True)
    db_session.add_all([own, other])
    await db_session.flush()

    async def say(**data: Any) -> str:
        draft = (await program.get(f"{WORKFLOWS}/{workflow}")).json()["data"]
        mail = next(node for node in draft["nodes"] if node["id"] == "mail")
        mail["data"] |= data
        body = {name: draft[name] for name in ("nodes", "edges", "triggers")}
        answer = await program.patch(f"{WORKFLOWS}/{workflow}", json=body)
        assert answer.status_code == 200, answer.text
        return str((await page.post(f"{url}/nodes/mail/mail")).headers["hx-trigger"])

    assert "by \\u201cOwn\\u201d" in await say(connectorId=str(own.id), fromName="{{ contact.first_name }}’s shop")
    (mail,) = sink.mails
    assert "shop@example.com" in str(mail["From"]) and "Ada’s shop" in str(mail["From"])
    await say(fromEmail="hello@example.com", replyTo="answers@example.com")
    assert "hello@example.com" in str(sink.mails[-1]["From"]) and "answers@example.com" in str(
        sink.mails[-1]["Reply-To"]
    )
    second = Connector(id=uuid7(), tenant_id=workspace.id, type="smtp", name="Second", config=config)
    db_session.add(second)
    await db_session.flush()
    own.state, own.stand_in_id = "away", second.id
    await db_session.flush()
    assert "by \\u201cSecond\\u201d" in await say(), "the one that stands in"
    own.state, own.stand_in_id = "ok", None
    await db_session.flush()
    await db_session.delete(own)
    await db_session.flush()
    assert "is not there" in await say() and len(sink.mails) == 3
