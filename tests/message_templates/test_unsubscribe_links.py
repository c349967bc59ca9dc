"""A marketing email says how to unsubscribe, or is warned of: in the preview of its template, and by the check of a workflow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.flow.references import ReferencedRow
from app.models.status import Channel, Role
from app.nodes.send_email import SendEmail, SendEmailConfig

TEMPLATE = {"name": "News", "subject": "News", "html": "<p>Hello</p>"}


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        ({}, ["html"]),
        ({"html": "", "text": "Hello"}, ["text"]),
        ({"html": '<a href="{{ unsubscribe_url }}">Stop</a>'}, []),
        ({"text": "Stop: {{ unsubscribeUrl }}"}, []),
    ],
)
async def test_the_preview_of_a_template_warns(api: Any, change: dict[str, str], warned: list[str]) -> None:
    client = await api(Role.MARKETER)
    created = await client.post("/api/v1/templates", json={**TEMPLATE, **change})
    assert created.status_code == 201, created.text
    answer = await client.post(f"/api/v1/templates/{created.json()['data']['id']}/preview", json={})
    warnings = [one for one in answer.json()["data"]["warnings"] if "unsubscribe" in one["message"]]
    assert [one["path"] for one in warnings] == warned


@pytest.mark.parametrize(
    ("kind", "facts", "channel", "where"),
    [
        ("marketing", set(), Channel.EMAIL, ["templateId"]),
        ("marketing", {"can_unsubscribe"}, Channel.EMAIL, []),
        ("transactional", set(), Channel.EMAIL, []),
        ("transactional", {"can_unsubscribe"}, Channel.EMAIL, ["class"]),
        ("marketing", set(), Channel.SMS, []),
    ],
)
def test_the_check_of_a_workflow_warns_and_blocks_nothing(
    kind: Any, facts: set[str], channel: int, where: list[str]
) -> None:
    template = UUID(int=1)
    rows = {"template": {template: ReferencedRow("News", channel, "", facts=frozenset(facts))}}
    doubts = SendEmail.row_diagnostics(SendEmailConfig(template_id=template, message_class=kind), rows)
    assert [one.path for one in doubts] == where
    assert all(one.severity == "warning" and not one.blocks_save for one in doubts)
