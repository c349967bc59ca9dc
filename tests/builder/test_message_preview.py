"""What steps that send would send, in their panel: filled for the newest contact, of every channel, and what stands against it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.lib.ids import uuid7
from app.lib.slack_picture import MOST_PARTS, notation, slack_picture
from app.messaging.channels.email.plain_text import opening
from app.messaging.channels.parts import Parts
from app.messaging.channels.push.picture import notification_picture
from app.models import Contact, Event, Template, Workspace
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.builder.test_pages import service as service
from tests.builder.test_texts import somebody as somebody
from tests.fixtures.people import BrowserClients

assert Contact, Event
HTML = """<html><head><title>no</title></head><body><div style="display:none">In short: it is here.&#847;&zwnj;</div>
<p>Hello {{ contact.first_name }}, {{ event.total }}</p><script>alert(1)</script></body></html>"""


async def template(session: AsyncSession, workspace: Workspace, channel: str, **parts: Any) -> str:
    row = Template(
        id=uuid7(), tenant_id=workspace.id, name=f"{channel}-{uuid7()}", channel=channel,
        **{"subject": "", "html": "", "text": "", "content": {}, **parts},
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return str(row.id)


async def flow_of(service: WorkflowService, *nodes: dict[str, Any]) -> str:
    names = ["trigger", *(node["id"] for node in nodes)]
    edges = [{"source": one, "target": other} for one, other in pairwise(names)]
    document = {"trigger": {"type": "event", "event": "trial_started"}, "nodes": list(nodes), "edges": edges}
    return str((await service.create(name="Previews", flow=Flow.load(document))).id)


@pytest.mark.usefixtures("somebody")
async def test_every_step_that_sends_shows_its_message_for_the_newest_contact(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, service: WorkflowService
) -> None:
    mail = await template(db_session, workspace, "email", subject="Stored", html=HTML)
    sms = await template(db_session, workspace, "sms", text="Code {{ event.total }} for {{ contact.first_name }}")
    push = await template(
        db_session, workspace, "push", subject="Hi {{ contact.first_name }}", text="{{ event.total }} left",
        content={"link": "https://shop.example/"},
    )  # fmt: skip
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*{{ contact.first_name }}* has {{ event.total }}"}}
    ]
    flow_id = await flow_of(
        service,
        {
            "id": "mail",
            "type": "send_email",
            "data": {"templateId": mail, "subject": "For {{ contact.first_name }}", "fromName": "Shop"},
        },
        {"id": "sms", "type": "send_sms", "data": {"templateId": sms}},
        {"id": "push", "type": "send_push", "data": {"templateId": push}},
        {"id": "slack", "type": "slack", "data": {"text": "In short", "blocks": blocks}},
    )
    client = await browser(Role.VIEWER)

    async def look(step: str) -> tuple[str, str]:
        head = await client.get(f"/workflows/{flow_id}/nodes/{step}/message")
        source = re.search(r'<iframe src="([^"]+)"', head.text)
        assert head.status_code == 200 and source, head.text
        frame = await client.get(source[1].replace("&amp;", "&"))
        assert frame.status_code == 200 and "sandbox" in frame.headers["content-security-policy"]
        return head.text, frame.text

    head, frame = await look("mail")
    assert "Preview for &lt;Ada&gt; after trial_started" in head and "eve@" not in head
    assert "For &lt;Ada&gt;" in head and "Stored" not in head and "Shop" in head and "In short: it is here." in head
    assert "Hello &lt;Ada&gt;, 3" in frame
    head, frame = await look("sms")
    assert "1 SMS" in head and "Code 3 for &lt;Ada&gt;" in frame
    _, frame = await look("push")
    assert "Hi &lt;Ada&gt;" in frame and "3 left" in frame and "https://shop.example/" in frame
    _, frame = await look("slack")
    assert "<b>&lt;Ada&gt;</b> has 3" in frame and "In short" in frame
    panel = (await client.get(f"/workflows/{flow_id}/nodes/mail/panel")).text
    assert f'hx-get="/workflows/{flow_id}/nodes/mail/message"' in panel


@pytest.mark.usefixtures("somebody")
async def test_the_message_is_filled_for_the_sample_stored_or_invented(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, service: WorkflowService
) -> None:
    mail = await template(db_session, workspace, "email", subject="For {{ contact.first_name }}", html=HTML)
    flow_id = await flow_of(service, {"id": "mail", "type": "send_email", "data": {"templateId": mail}})
    client = await browser(Role.MARKETER)
    sample = f"/workflows/{flow_id}/test/sample"
    invented = {
        "contact": '{"email": "eve@example.com", "attributes": {"first_name": "Eve"}}',
        "event": '{"name": "trial_started", "properties": {"total": 77}}',
    }
    assert (await client.post(sample, data=invented)).status_code == 200
    head = (await client.get(f"/workflows/{flow_id}/nodes/mail/message")).text
    assert "For Eve" in head and "Preview for Eve after trial_started" in head
    assert "Hello Eve, 77" in (await client.get(f"/workflows/{flow_id}/nodes/mail/message/frame")).text
    chosen = await db_session.scalar(select(Contact.id).where(Contact.tenant_id == workspace.id))
    assert (await client.post(sample, data={"contactId": str(chosen)})).status_code == 200
    assert "For &lt;Ada&gt;" in (await client.get(f"/workflows/{flow_id}/nodes/mail/message")).text


async def test_what_stands_against_it_is_said_and_what_is_not_chosen_shows_nothing(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, service: WorkflowService
) -> None:
    gone = await template(db_session, workspace, "email", subject="x", text="y")
    broken = await template(
        db_session, workspace, "sms", text="{{ contact.first_name | or_fail }} {{ 1 | divided_by: 0 }}"
    )
    flow_id = await flow_of(
        service,
        {"id": "new", "type": "send_email", "data": {}},
        {"id": "gone", "type": "send_email", "data": {"templateId": gone}},
        {"id": "broken", "type": "send_sms", "data": {"templateId": broken}},
        {"id": "slack", "type": "slack", "data": {"text": "{{ contact.nobody }}"}},
        {"id": "wait", "type": "delay", "data": {"duration": 1, "unit": "hours"}},
    )
    await db_session.execute(delete(Template).where(Template.id == UUID(gone)))
    client = await browser(Role.VIEWER)

    async def said(step: str) -> str:
        answer = await client.get(f"/workflows/{flow_id}/nodes/{step}/message")
        assert answer.status_code == 200 and "<iframe" not in answer.text
        return answer.text.strip()

    assert (await said("new"), await said("wait")) == ("", "")
    assert "Its template was deleted" in await said("gone")
    assert "Line 1" in await said("broken")
    assert "the text is empty for this contact" in await said("slack")
    assert (await client.get(f"/workflows/{flow_id}/nodes/none/message")).status_code == 404


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* and _it_ ~no~ `a*b*c`", "<b>bold</b> and <i>it</i> <s>no</s> <code>a*b*c</code>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("<https://x.example/?a=1&amp;b=2|here> <@U1> <#C1|sales> <!here>",
         '<a href="https://x.example/?a=1&amp;b=2">here</a> <span class="at">@U1</span> <span class="at">#sales</span> '
         '<span class="at">@here</span>'),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("&lt;script&gt; <b>", "&lt;script&gt; &lt;b&gt;"),
        ("```\n<b>x</b>\n```", "<pre>&lt;b&gt;x&lt;/b&gt;</pre>"),
        ("&gt; said\nafter", "<blockquote>said</blockquote>after"),
    ],
)  # fmt: skip
def test_the_notation_of_slack(text: str, shown: str) -> None:
    assert notation(text) == shown


def test_blocks_are_drawn_and_bounded() -> None:
    def plain(text: str) -> dict[str, str]:
        return {"type": "plain_text", "text": text}

    button = {"type": "button", "text": plain("Open"), "style": "primary"}
    blocks: list[Any] = [
        {"type": "header", "text": plain("<New> order")}, {"type": "divider"},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Total*"}, plain("9")], "accessory": button},
        {"type": "context", "elements": [plain("by us"), {"type": "image", "image_url": "http://x.example/a.png", "alt_text": "a"}]},
        {"type": "image", "image_url": "https://x.example/a.png", "alt_text": 'a"b'}, {"type": "input"}, 7, {"type": "section", "text": 3},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "<rich>"}]}]},
    ]  # fmt: skip
    page = slack_picture({"text": "fallback", "blocks": blocks})
    for part in (
        "<h3>&lt;New&gt; order</h3>", "<hr>", "<b>Total</b>", '<span class="btn primary">Open</span>', "[a]", "alt=\"a&quot;b\"",
        "[input]", "&lt;rich&gt;", "fallback",
    ):  # fmt: skip
        assert part in page, part
    many = slack_picture({"blocks": [{"type": "actions", "elements": [button] * 10_000}]})
    assert many.count("btn primary") == MOST_PARTS - 1


def test_a_notification_shows_its_picture_only_by_https() -> None:
    def drawn(image: str) -> str:
        return notification_picture(Parts("<T>", "", "x", {"image": image, "link": ""}))

    assert '<img class="media" src="https://x.example/a.png"' in drawn("https://x.example/a.png")
    assert "<img" not in drawn("javascript:alert(1)") and "&lt;T&gt;" in drawn("")


def test_the_first_words_of_a_mail() -> None:
    assert (
        opening(HTML.replace("{{ contact.first_name }}", "Ada")) == "In short: it is here. Hello Ada, {{ event.total }}"
    )
    assert opening("<p>" + "word " * 100_000) == ("word " * 28)[:139] + "…"
    assert opening("") == ""
