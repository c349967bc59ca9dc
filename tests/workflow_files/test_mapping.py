"""What a file names and is not here is asked for, on the page and by the API alike: with what fits, and nothing is made before."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflow_files.test_files import API, counted, exported, full, made

GONE = "01900000-0000-7000-8000-00000000dead"
SMTP = {"name": "Post", "type": "smtp", "config": {"host": "mail.example", "fromEmail": "us@example.com"}}


async def file_from_elsewhere(api: ApiClients, other: Workspace) -> dict[str, Any]:
    """One that names a connector, a workflow, a topic, and a segment that the file neither brings nor lists."""
    client = await api(Role.OWNER, other)
    file = await exported(client, await full(client))
    mail = next(node for node in file["workflow"]["nodes"] if node["id"] == "mail")
    mail["data"]["topic"] = "news"
    file["workflow"]["nodes"].append({"id": "gone", "type": "add_to_segment", "data": {"segmentId": GONE}})
    file["workflow"]["edges"].append({"source": "call", "target": "gone"})
    return file


async def rows_of_here(owner: httpx.AsyncClient) -> dict[str, str]:
    """By kind what may stand for what the file names. There are two connectors, so that none is taken as the only one."""
    connectors = [(await made(owner, "/connectors", SMTP | {"name": name}))["id"] for name in ("Post", "Post two")]
    await made(owner, "/contacts", {"email": "ada@example.com", "consent": {"newsletter": False}})
    return {
        "connector": connectors[1],
        "workflow": (await made(owner, "/workflows", {"name": "Called here"}))["id"],
        "segment": (await made(owner, "/segments", {"name": "Static", "kind": "static"}))["id"],
        "topic": "newsletter",
    }


def stands(file: dict[str, Any]) -> dict[str, Any]:
    """What the document names, by kind."""
    data = {node["id"]: node["data"] for node in file["workflow"]["nodes"]}
    return {
        "connector": data["mail"].get("connectorId"),
        "workflow": data["call"].get("workflowId"),
        "segment": data["gone"].get("segmentId"),
        "topic": data["mail"].get("topic"),
    }


@pytest.mark.parametrize("left_empty", [False, True], ids=["chosen", "left empty"])
async def test_the_api_asks_makes_nothing_and_takes_what_was_chosen(
    api: ApiClients, db_session: AsyncSession, other_workspace: Workspace, left_empty: bool
) -> None:
    file, owner = await file_from_elsewhere(api, other_workspace), await api(Role.OWNER)
    here = await rows_of_here(owner)
    before = await counted(db_session)
    asked = await made(owner, "/workflows/import?ask=true", file)
    assert asked["id"] is None and asked["name"] == "Full" and asked["created"] == []
    assert await counted(db_session) == before
    missing = {one["kind"]: one for one in asked["missing"]}
    assert missing.keys() == here.keys(), "templates and segments of the file come with it"
    assert (missing["topic"]["reference"], missing["connector"]["name"]) == ("topic:news", "Mail")
    for kind, one in missing.items():
        assert here[kind] in [option["value"] for option in one["options"]], kind
    assert [one["name"] for one in missing["segment"]["options"]] == ["Static"], "a dynamic one takes nobody by a step"
    mapping = {one["reference"]: "" if left_empty else here[kind] for kind, one in missing.items()}
    imported = await made(owner, "/workflows/import?ask=true", file | {"mapping": mapping})
    again = await exported(owner, imported["id"])
    assert stands(again) == (dict.fromkeys(here) if left_empty else here)
    left = {"connector", "workflow", "segment"} if left_empty else set()
    assert {one["kind"] for one in imported["toChoose"]} == left and imported["missing"] == []


async def test_what_does_not_fit_cannot_stand_for_it_on_either_door(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    file, owner = await file_from_elsewhere(api, other_workspace), await api(Role.OWNER)
    here = await rows_of_here(owner)
    web = (
        await made(owner, "/connectors", {"name": "Web", "type": "http", "config": {"baseUrl": "https://a.example"}})
    )["id"]
    (connector,) = file["uses"]["connectors"]
    before, client = await counted(db_session), await browser(Role.MARKETER)
    for wrong in (web, here["workflow"], GONE, "news"):
        answer = await owner.post(f"{API}/workflows/import", json=file | {"mapping": {connector: wrong}})
        assert answer.status_code == 422 and f"mapping.{connector}" in answer.text and "“Mail”" in answer.text
        fields = {"text": json.dumps(file), "do": "import", f"row.{connector}": wrong}
        answer = await client.post("/workflows/import", data=fields, files={"file": ("", b"")})
        assert answer.status_code == 422 and "This cannot stand for “Mail” here." in answer.text
    assert await counted(db_session) == before


async def test_the_page_asks_the_same_and_leaving_the_question_loses_nothing(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    file, owner = await file_from_elsewhere(api, other_workspace), await api(Role.OWNER)
    here, client = await rows_of_here(owner), await browser(Role.MARKETER)
    before, nothing = await counted(db_session), {"file": ("", b"")}
    missing = (await made(owner, "/workflows/import?ask=true", file))["missing"]
    upload = {"file": ("full.json", json.dumps(file).encode())}
    asked = (await client.post("/workflows/import", data={"text": ""}, files=upload)).text
    assert re.findall(r'name="row\.([^"]+)"', asked) == [one["reference"] for one in missing]
    for one in missing:
        assert all(f'<option value="{option["value"]}"' in asked for option in one["options"]), one
    assert await counted(db_session) == before
    text = json.dumps(file)
    left = await client.post("/workflows/import", data={"text": text, "do": "leave"}, files=nothing)
    assert left.status_code == 200 and "&#34;add_to_segment&#34;" in left.text and await counted(db_session) == before
    fields = {f"row.{one['reference']}": here[one["kind"]] for one in missing}
    answer = await client.post(
        "/workflows/import", data={"text": text, "do": "import", **fields}, files=nothing, follow_redirects=False
    )
    again = await exported(owner, answer.headers["location"].partition("/workflows/")[2].partition("?")[0])
    assert stands(again) == here


async def test_a_file_that_is_wrong_is_refused_before_anything_is_asked(
    api: ApiClients, browser: BrowserClients, other_workspace: Workspace
) -> None:
    file = await file_from_elsewhere(api, other_workspace)
    file["workflow"]["nodes"] = "none"
    answer = await (await api(Role.OWNER)).post(f"{API}/workflows/import?ask=true", json=file)
    assert answer.status_code == 422 and "workflow.nodes" in answer.text
    client = await browser(Role.MARKETER)
    answer = await client.post("/workflows/import", data={"text": json.dumps(file)}, files={"file": ("", b"")})
    assert answer.status_code == 422 and "Nodes: " in answer.text and 'name="row.' not in answer.text
