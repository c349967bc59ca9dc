"""Templates of messages to phones: what may be saved, what the editor shows, and what a preview and a test say."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.schemas import NewConnector
from app.connectors.service import ConnectorService
from app.models import Template
from app.models.status import Role
from tests.messaging.phone_providers.fake import Meta, listening

HTMX = {"HX-Request": "true"}
SMS = {"name": "Reminder", "channel": "sms", "text": "Hi {{ contact.first_name }}, see you at 5."}
WHATSAPP = {
    "name": "Shipped", "channel": "whatsapp", "text": "Hi {{1}}, your {{2}} left.",
    "content": {"name": "order_shipped", "language": "de", "variables": ["{{ contact.first_name }}", "shoes"]},
}  # fmt: skip


async def test_a_template_of_sms_has_an_opt_out_line_and_a_number_of_segments(api: Any) -> None:
    client = await api(Role.MARKETER)
    created = (await client.post("/api/v1/templates", json=SMS)).json()["data"]
    assert created["content"] == {"optOut": "Reply STOP to opt out."} and created["channel"] == "sms"
    place = f"/api/v1/templates/{created['id']}"
    shown = (await client.post(f"{place}/preview", json={})).json()["data"]
    assert shown["text"] == "Hi Ada, see you at 5.\nReply STOP to opt out."
    assert shown["segments"] == {
        "encoding": "GSM-7", "segments": 1, "units": 44, "left": 116, "characters": 44, "forcing": [],
    }  # fmt: skip
    other = {"text": "Hi {{ contact.first_name }} — see you", "content": {"optOut": ""}}
    shown = (await client.post(f"{place}/preview", json=other)).json()["data"]
    assert shown["text"] == "Hi Ada — see you"
    assert (shown["segments"]["encoding"], shown["segments"]["left"], shown["segments"]["forcing"]) == (
        "UCS-2",
        54,
        ["—"],
    )
    changed = (await client.patch(place, json={"content": {"optOut": "STOP ends it"}})).json()["data"]
    assert changed["content"] == {"optOut": "STOP ends it"} and changed["text"] == SMS["text"]


async def test_a_template_of_whatsapp_names_the_approved_one_and_its_values(api: Any) -> None:
    client = await api(Role.MARKETER)
    created = (await client.post("/api/v1/templates", json=WHATSAPP)).json()["data"]
    assert created["content"] == {
        "kind": "template", "name": "order_shipped", "language": "de", "contentSid": "", "header": "none", "headerValue": "",
        "variables": ["{{ contact.first_name }}", "shoes"], "buttons": [],
    }  # fmt: skip
    shown = (await client.post(f"/api/v1/templates/{created['id']}/preview", json={})).json()["data"]
    assert shown["text"] == "Hi Ada, your shoes left." and shown["segments"] is None
    assert shown["content"]["variables"] == ["Ada", "shoes"]
    await client.post("/api/v1/contacts", json={"email": "a@example.com", "attributes": {"shoe_size": "40"}})
    doubted = {"content": {"variables": ["{{ contact.attributes.shoe_sise }}.", "shoes"]}}
    warned = (await client.post(f"/api/v1/templates/{created['id']}/preview", json=doubted)).json()["data"]["warnings"]
    assert [one["path"] for one in warned] == ["content.variables[0]"]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"text": "{{ nothing"}, "text", ""),
        ({"text": " "}, "text", "Write the text."),
        ({"content": {"optOut": "two\nlines"}}, "content.optOut", ""),
        ({"content": {"footer": "x"}}, "content.footer", "There is no field of this name."),
        ({**WHATSAPP, "content": {"name": "Order Shipped", "variables": ["a", "b"]}}, "content.name", ""),
        ({**WHATSAPP, "content": {"variables": ["a", "b"]}}, "content.name", "Write what the template is called"),
        ({**WHATSAPP, "content": {"name": "x", "variables": ["a"]}}, "content.variables[1]", "Say what {{2}} stands for."),
        ({**WHATSAPP, "content": {"name": "x", "variables": ["a", "{{ b"]}}, "content.variables[1]", ""),
        ({**WHATSAPP, "text": "{{1}} {{name}}", "content": {"name": "x", "variables": ["a", "b"]}}, "text", "all numbers or all words"),
        ({**WHATSAPP, "content": {"name": "x", "variables": ["a", "b"], "header": "image"}}, "content.headerValue", "address"),
        ({**WHATSAPP, "content": {"name": "x", "variables": ["a", "b"], "buttons": [{"type": "url"}]}}, "content.buttons[0].value", ""),
        ({**WHATSAPP, "content": {"name": "x", "variables": ["a", "b"], "language": "German"}}, "content.language", ""),
        ({"name": "Mail", "channel": "email", "subject": "x", "html": "x", "content": {"optOut": "x"}}, "content", "no `content`"),
    ],
)  # fmt: skip
async def test_what_could_not_be_sent_is_not_saved(api: Any, change: dict[str, Any], path: str, words: str) -> None:
    client = await api(Role.MARKETER)
    refused = await client.post("/api/v1/templates", json={**SMS, **change})
    assert refused.status_code == 422, refused.text
    errors = refused.json()["errors"]
    assert path in [one["path"] for one in errors] and words in refused.text


async def test_an_empty_rendering_is_an_error_that_names_its_place(api: Any) -> None:
    client = await api(Role.MARKETER)
    blank = (await client.post("/api/v1/templates", json={**SMS, "text": "{{ event.nothing }}"})).json()["data"]
    answer = await client.post(f"/api/v1/templates/{blank['id']}/preview", json={})
    assert answer.status_code == 422 and "Nothing is left of the text" in answer.text
    content = {"name": "x", "variables": ["a", "{{ event.nothing }}"]}
    hollow = (await client.post("/api/v1/templates", json={**WHATSAPP, "content": content})).json()["data"]
    answer = await client.post(f"/api/v1/templates/{hollow['id']}/preview", json={})
    assert (
        answer.json()["errors"][0]["path"] == "content.variables[1]" and "Say what stands there instead" in answer.text
    )


async def test_the_editor_saves_what_it_shows(browser: Any, db_session: AsyncSession) -> None:
    client = await browser(Role.MARKETER)
    fresh = (await client.get("/templates/new?channel=whatsapp")).text
    assert 'name="content.name"' in fresh and "Hello {{1}}, " in fresh and "contact.first_name | default" in fresh
    form = {
        "name": "Shipped", "channel": "whatsapp", "subject": "", "html": "", "text": "Hi {{1}}, your {{2}} left.", "as": "",
        "content.kind": "template", "content.name": "order_shipped", "content.language": "en_US", "content.contentSid": "",
        "content.variables": ["{{ contact.first_name }}", ""], "content.header": "none", "content.headerValue": "",
        "content.buttons.type": ["url", "none", "none"], "content.buttons.value": ["track", "", ""],
    }  # fmt: skip
    refused = await client.post("/templates", data=form)
    assert refused.status_code == 422 and "Say what {{2}} stands for." in refused.text and "Value 2" in refused.text
    saved = await client.post("/templates", data={**form, "content.variables": ["{{ contact.first_name }}", "shoes"]})
    assert saved.status_code == 303
    row = (await db_session.scalars(select(Template))).one()
    assert row.content == {
        "name": "order_shipped", "variables": ["{{ contact.first_name }}", "shoes"], "buttons": [{"type": "url", "value": "track"}],
    }  # fmt: skip
    again = (await client.get(saved.headers["location"])).text
    assert 'value="shoes"' in again and 'value="track"' in again and 'value="order_shipped"' in again
    free = await client.post(
        saved.headers["location"], data={**form, "content.kind": "text", "text": "Hi {{ contact.first_name }}"}
    )
    assert free.status_code == 303
    copied = await client.post(f"{saved.headers['location']}/duplicate")
    await db_session.refresh(row)
    twin = (await db_session.scalars(select(Template).where(Template.id != row.id))).one()
    assert copied.status_code == 303 and row.content["kind"] == "text" and twin.content == row.content


async def test_the_preview_is_a_bubble_with_what_it_costs(browser: Any) -> None:
    client = await browser(Role.MARKETER)
    form = {
        **SMS,
        "subject": "",
        "html": "",
        "as": "",
        "text": "It’s <b>{{ contact.first_name }}</b>",
        "content.optOut": "STOP?",
    }
    panel = (await client.post("/templates/preview", data=form, headers=HTMX)).text
    assert "1 SMS" in panel and "UCS-2" in panel and "<code>’</code>" in panel and "70 characters, not 160" in panel
    assert "An estimate with the values of" in panel
    frame = (await client.post("/templates/preview/frame", data=form)).text
    assert "It’s &lt;b&gt;Ada&lt;/b&gt;\nSTOP?" in frame and "<b>Ada" not in frame
    shipped = {
        "name": "x", "channel": "whatsapp", "subject": "", "html": "", "text": "Hi {{1}}", "as": "", "content.name": "x",
        "content.kind": "template", "content.language": "de", "content.variables": "{{ contact.first_name }}",
        "content.header": "image", "content.headerValue": "https://example.com/a.png",
        "content.buttons.type": "quick_reply", "content.buttons.value": "yes",
    }  # fmt: skip
    bubble = (await client.post("/templates/preview/frame", data=shipped)).text
    assert "Hi Ada" in bubble and "https://example.com/a.png" in bubble and "Reply that brings “yes”" in bubble
    assert "<img" not in bubble, "a picture that nobody approved is not loaded"


async def test_a_test_goes_out_as_the_approved_template(browser: Any, db_session: AsyncSession, principal: Any) -> None:
    client = await browser(Role.MARKETER)
    form = {
        "name": "x", "channel": "whatsapp", "subject": "", "html": "", "text": "Hi {{first_name}}", "as": "", "content.name": "hello",
        "content.kind": "template", "content.language": "de", "content.variables": "{{ contact.first_name }}", "to": "+15017122661",
    }  # fmt: skip
    with listening(Meta) as provider:
        await ConnectorService(db_session, principal).create(
            NewConnector(name="Meta", type="meta_whatsapp", config=provider.config())
        )
        sent = await client.post("/templates/test", data=form, headers=HTMX)
        assert "Sent to +15017122661." in sent.headers["hx-trigger"]
        (message,) = provider.taken
        assert message.template == "hello" and message.values["language"] == "de"
        assert message.values["body"] == [{"type": "text", "parameter_name": "first_name", "text": "Ada"}]
        strange = await client.post("/templates/test", data={**form, "to": "me"}, headers=HTMX)
        assert "This is not a phone number." in strange.headers["hx-trigger"] and len(provider.taken) == 1
