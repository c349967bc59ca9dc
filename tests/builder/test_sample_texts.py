"""The sample in the top bar, and the lines of cards that write to people, as they come out for it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder import card_texts
from app.lib import sandbox
from app.models import Workspace
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
    flow_id = await flow_of(
        service,
        mail("mail", hello),
        mail("own", hello, subject="For {{ contact.first_name | upcase }}"),
        mail("plain", hello, subject="As it stands"),
        {"id": "sms", "type": "send_sms", "data": {"templateId": sms}},
        {"id": "push", "type": "send_push", "data": {"templateId": push}},
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
        "slack": "#sales: <Ada> is here",
    }
    assert '<hx-partial hx-target="#sample-name"' in answer.text and "&lt;Ada&gt;" in answer.text
    whole = (await viewer.get(f"/workflows/{flow_id}/cards")).text
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
        "long": "Marketing",
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
