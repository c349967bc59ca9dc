"""Code in steps is off until an admin allows it; what is wrong with it is said before it goes live."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.code_steps.checks import OFF
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH

SWITCH = "/api/v1/code-steps"


def document(code: str = "return {total: input.total * 2}", language: str = "javascript") -> dict[str, Any]:
    nodes = [
        {"id": "code", "type": "custom_code", "data": {"language": language, "code": code}},
        {"id": "end", "type": "end", "data": {}},
    ]
    return {
        "name": "With code",
        "trigger": {"type": "event", "data": {"event": "go"}},
        "nodes": nodes,
        "edges": [{"source": "trigger", "target": "code"}, {"source": "code", "target": "end"}],
    }


async def created(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(PATH, json=document(**more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def test_it_is_off_until_an_admin_allows_it_and_every_turn_is_on_record(api: ApiClients) -> None:
    admin, marketer = await api(Role.ADMIN), await api(Role.MARKETER)
    assert (await marketer.get(SWITCH)).json()["data"] == {"allowed": False, "turns": []}
    assert (await marketer.put(SWITCH, json={"allowed": True})).status_code == 403
    assert (await admin.put(SWITCH, json={"allowed": True})).json()["data"]["allowed"] is True
    assert (await admin.put(SWITCH, json={"allowed": True})).status_code == 200, "nothing changes, nothing is recorded"
    shown = (await admin.put(SWITCH, json={"allowed": False})).json()["data"]
    assert [turn["allowed"] for turn in shown["turns"]] == [False, True]
    assert all(turn["by"] and turn["at"] for turn in shown["turns"])


async def test_a_workflow_with_code_cannot_be_activated_while_it_is_off(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    workflow = await created(admin)
    refused = await admin.post(f"{PATH}/{workflow}/activate")
    assert refused.status_code == 422 or refused.status_code == 409, refused.text
    assert OFF in refused.text and "nodes[0].data.code" in refused.text
    await admin.put(SWITCH, json={"allowed": True})
    assert (await admin.post(f"{PATH}/{workflow}/activate")).status_code == 200
    await admin.put(SWITCH, json={"allowed": False})
    await admin.post(f"{PATH}/{workflow}/pause")
    assert OFF in (await admin.post(f"{PATH}/{workflow}/resume")).text


@pytest.mark.parametrize(
    ("language", "code", "message"),
    [
        ("javascript", "return 1;\nconst x = ;", "Line 2: SyntaxError"),
        ("python", "total = 'a' + 1\nreturn total", "Line 1: Operator '+' is not supported"),
        ("python", "yield 1", "This Python does not know yield expressions."),
    ],
)
async def test_code_is_looked_at_before_it_goes_live(language: str, code: str, message: str, api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    await admin.put(SWITCH, json={"allowed": True})
    workflow = await created(admin, code=code, language=language)
    refused = await admin.post(f"{PATH}/{workflow}/activate")
    assert refused.status_code in (409, 422) and message in refused.text


async def test_the_page_has_the_switch_for_admins_only(browser: BrowserClients) -> None:
    admin, viewer = await browser(Role.ADMIN), await browser(Role.VIEWER)
    assert "Allow code" in (await admin.get("/settings/code")).text
    shown = (await viewer.get("/settings/code")).text
    assert "An admin can change this." in shown and "Allow code" not in shown
    await admin.post("/settings/code", data={"allowed": "1"})
    shown = (await viewer.get("/settings/code")).text
    assert "Allowed" in shown and "Who decided" in shown
