"""The sample in the top bar, and the lines of cards that write to people, as they come out for it."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder import card_texts
from app.lib import sandbox
from app.models import Template, Workspace
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.builder.test_message_preview import flow_of, template
from tests.builder.test_pages import service as service
from tests.builder.test_texts import somebody as somebody
from tests.fixtures.people import BrowserClients

PARTIAL = re.compile(r'<hx-partial hx-target="#c-(\w+) \.su" hx-swap="innerHTML">(.*?)</hx-partial>', re.S)


def lines(answer: str) -> dict[str, str]:
    """What each card says, by its step."""
    return {node: html.unescape(re.sub(r"<[^>]+>", "", text)).strip() for node, text in PARTIAL.findall(answer)}


def mail(node: str, template_id: str, **data: Any) -> dict[str, Any]:
    return {"id": node, "type": "send_email", "data": {"templateId": template_id, **data}}


@pytest.mark.usefixtures("somebody")
async def test_cards_that_write_say_it_as_the_sample_reads_it(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, service: WorkflowService
) -> None:
    hello = await template(db_session, workspace, "email", subject="Hi {{ contact.first_name }}", html="x")
    sms = await template(db_session, workspace, "sms", text="Code {{ event.total }}\nfor {{ contact.first_name }}")
    push = await template(db_session, workspace, "push", subject="{{ event.total }} left", text="Hurry")
    values = {"variables": ["{{ contact.first_name | upcase }}", "{{ event.total }}"]}
    whatsapp = await template(db_session, workspace, "whatsapp", text="{{2}} for {{ 1 }} or {{3}}", content=values)
    flow_id = await flow_of(
        service,
        mail("mail", hello),
        mail("own", hello, subject="For {{ contact.first_name | upcase }}"),
        mail("plain", hello, subject="As it stands"),
        {"id": "sms", "type": "send_sms", "data": {"templateId": sms, "class": "transactional"}},
        {
            "id": "push",
            "type": "send_push",
            "data": {"templateId": push, "topic": "Sales", "platforms": ["web", "ios"], "goOn": "sent"},
        },
        {"id": "whatsapp", "type": "send_whatsapp", "data": {"templateId": whatsapp}},
        {"id": "slack", "type": "slack", "data": {"channel": "#sales", "text": "{{ contact.first_name }} is here"}},
        {"id": "tag", "type": "add_tag", "data": {"tag": "x"}},
    )
    viewer = await browser(Role.VIEWER)
    answer = await viewer.get(f"/workflows/{flow_id}/sample-texts")
    assert answer.status_code == 200, answer.text
    assert lines(answer.text) == {
        "mail": "“Hi <Ada>”",
        "own": "“For <ADA>”",
        "plain": "“As it stands”",
        "sms": "“Code 3 for <Ada>”",
        "push": "“3 left”",
        "whatsapp": "“3 for <ADA> or”",
        "slack": "#sales: <Ada> is here",
    }
    assert '<hx-partial hx-target="#sample-name"' in answer.text and "&lt;Ada&gt;" in answer.text
    whole = (await viewer.get(f"/workflows/{flow_id}/cards")).text
    kinds = dict(re.findall(r'id="c-(\w+)".*?<span class="ty"[^>]*>(.*?)</span>', whole, re.S))
    assert (kinds["sms"], kinds["push"]) == (
        "SMS · Transactional",
        "Push · Marketing · Sales · browsers, iOS · waits until sent",
    )
    assert "“<bdi>Hi &lt;Ada&gt;</bdi>”" in whole and 'hx-target="#c-tag"' in whole
    first = (await viewer.get(f"/workflows/{flow_id}")).text
    assert (
        "“<bdi>Hi first_name</bdi>”" in first and "sample-texts" in first
    )  # nothing is filled in before the first look


async def test_what_cannot_be_filled_in_stays_as_the_card_says_it(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, service: WorkflowService
) -> None:
    hello = await template(db_session, workspace, "email", subject="Hi {{ 1 | divided_by: 0 }}", html="x")
    long = await template(db_session, workspace, "sms", text="x" * 6_000)
    flow_id = await flow_of(
        service,
        mail("broken", hello),
        mail("later", hello, subject="As {{ steps.ask.body }}"),
        {"id": "new", "type": "send_email", "data": {}},
        {"id": "long", "type": "send_sms", "data": {"templateId": long}},
    )
    said = lines((await (await browser(Role.VIEWER)).get(f"/workflows/{flow_id}/sample-texts")).text)
    assert said == {
        "broken": "“Hi 1”",
        "later": "“As “ask” › body”",
        "long": (await db_session.get_one(Template, (workspace.id, UUID(long)))).name,
    }


@pytest.mark.usefixtures("somebody")
async def test_a_crowded_sandbox_leaves_the_cards_as_they_are(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    service: WorkflowService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hello = await template(db_session, workspace, "email", subject="Hi {{ contact.first_name }}", html="x")
    flow_id = await flow_of(
        service, mail("mail", hello), mail("plain", hello, subject="As it stands"), mail("more", hello)
    )
    monkeypatch.setattr(card_texts, "MOST_CARDS", 2)

    async def busy(*_: Any, **__: Any) -> Any:
        raise sandbox.Busy

    client = await browser(Role.VIEWER)
    assert list(lines((await client.get(f"/workflows/{flow_id}/sample-texts")).text)) == ["mail", "plain"]
    monkeypatch.setattr(sandbox, "run", busy)
    said = lines((await client.get(f"/workflows/{flow_id}/sample-texts")).text)
    assert said == {"mail": "“Hi first_name”", "plain": "“As it stands”"}


@pytest.mark.usefixtures("somebody")
async def test_the_sample_stands_in_the_top_bar_and_is_chosen_there(
    browser: BrowserClients, service: WorkflowService
) -> None:
    flow_id = await flow_of(
        service, {"id": "mail", "type": "send_email", "data": {"subject": "Hi {{ contact.first_name }}"}}
    )
    client, url = await browser(Role.MARKETER), f"/workflows/{flow_id}"
    shown = (await client.get(url)).text
    assert "&lt;Ada&gt;" in shown.split('id="sample-name"')[1].split("</summary>")[0]
    choice = (await client.get(f"{url}/test/sample?place=bar")).text
    assert 'id="bar-samples"' in choice and "Invent somebody" in choice and "Test as whom?" not in choice
    invented = {"place": "bar", "contact": '{"attributes": {"first_name": "Eve"}}', "event": ""}
    eve = await client.post(f"{url}/test/sample", data=invented)
    assert eve.headers["HX-Trigger"] == "wf:sample" and "data-overlay" not in eve.text
    assert ">Eve</span>" in eve.text and " open" not in eve.text
    assert lines((await client.get(f"{url}/sample-texts")).text) == {"mail": "“Hi Eve”"}
    broken = await client.post(f"{url}/test/sample", data={**invented, "contact": "{"})
    assert 'id="sample-chip" open' in broken.text and 'role="alert"' in broken.text
    assert (await client.post(f"{url}/test/sample", data={})).headers["HX-Trigger"] == "wf:sample"
    reader = (await (await browser(Role.VIEWER)).get(url)).text
    assert 'id="sample-name"' in reader and "test/sample" not in reader


@pytest.mark.usefixtures("somebody")
async def test_who_looks_at_a_text_is_named_by_whom_it_was_tried_on(
    browser: BrowserClients, service: WorkflowService
) -> None:
    flow_id = await flow_of(service)
    client = await browser(Role.VIEWER)
    tried = (await client.post(f"/workflows/{flow_id}/texts", data={"subject": "Hi {{ contact.first_name }}"})).text
    assert "Hi &lt;Ada&gt;" in tried and '<hx-partial hx-target="#sample-name"' in tried


@pytest.mark.usefixtures("somebody")
async def test_only_cards_that_were_saved_are_filled_again(
    browser: BrowserClients, service: WorkflowService, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = {"type": "send_email", "data": {"subject": "Hi {{ contact.first_name }}"}}
    flow_id = await flow_of(service, *({"id": f"mail-{number}", **node} for number in range(5)))
    client, filled = await browser(Role.MARKETER), list[list[str]]()

    async def run(function: Any, sources: list[str], *parts: Any, **options: Any) -> Any:
        filled.append(sources)
        return function(sources, *parts)

    monkeypatch.setattr(sandbox, "run", run)

    async def saved(rev: int, *ids: str) -> str:
        data = {"subject": f"{rev} for {{{{ contact.first_name }}}}"}
        ops = [{"id": f"{rev}-{id_}", "kind": "update_node", "nodeId": id_, "data": data} for id_ in ids]
        headers = {"If-Match": f'"{rev}"', "Content-Type": "application/json"}
        answer = await client.patch(f"/workflows/{flow_id}/draft", json={"client": "a", "ops": ops}, headers=headers)
        assert answer.status_code == 200 and not filled, answer.text
        (asked,) = re.findall(r'<i hx-get="([^"]*)"', answer.text)
        return html.unescape(asked)

    asked = await saved(1, "mail-3")
    texts = (await client.get(asked)).text
    assert (
        re.findall(r'hx-target="#c-(mail-\d) \.su"', texts) == ["mail-3"] and "“<bdi>1 for &lt;Ada&gt;</bdi>”" in texts
    )
    assert filled == [["1 for {{ contact.first_name }}"]], "nothing else was filled in"
    filled.clear()
    asked = await saved(2, "mail-1", "mail-4")
    assert re.findall(r'#c-(mail-\d) \.su"', (await client.get(asked)).text) == ["mail-1", "mail-4"]
    filled.clear()
    monkeypatch.setattr(card_texts, "MOST_ALONE", 1)
    asked = await saved(3, "mail-1", "mail-4")
    assert len(re.findall(r'#c-mail-\d \.su"', (await client.get(asked)).text)) == 5, "too many for one address"
