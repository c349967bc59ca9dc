"""Folders and tags over the API: two levels, content that is never lost, filters, and what is of others stays theirs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.folders import service
from app.folders.tags import checked_tags
from app.models import Template, Workflow, Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.workflows.examples import created, tagging

FOLDERS, WORKFLOWS = "/api/v1/workflow-folders", "/api/v1/workflows"
OF_TEMPLATES, TEMPLATES = "/api/v1/template-folders", "/api/v1/templates"
NEW = {"name": "Welcome", "subject": "Hi", "html": "<p>Hi</p>"}


async def made(client: httpx.AsyncClient, path: str = FOLDERS, **body: Any) -> str:
    answer = await client.post(path, json={"name": "Sales", **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def names(client: httpx.AsyncClient, path: str = WORKFLOWS, **query: str) -> list[str]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


async def tree(client: httpx.AsyncClient, path: str = FOLDERS) -> list[tuple[str, bool, int]]:
    return [(one["name"], one["parentId"] is not None, one["count"]) for one in (await client.get(path)).json()["data"]]


async def test_workflows_lie_in_folders_and_in_folders_of_folders(api: Any, clock: Clock) -> None:
    client = await api(Role.ADMIN)
    sales = await made(client)
    inner = await made(client, name="Germany", parentId=sales)
    empty = await made(client, name="After")
    first = await created(client, tagging(name="One", folderId=sales))
    clock.advance(minutes=1)
    second = await created(client, tagging(name="Two"))
    before = second["updatedAt"]
    clock.advance(minutes=1)
    moved = (await client.patch(f"{WORKFLOWS}/{second['id']}", json={"folderId": inner})).json()["data"]
    assert (moved["folderId"], moved["updatedAt"], moved["draftRev"]) == (inner, before, second["draftRev"])
    assert first["folderId"] == sales
    assert await tree(client) == [("After", False, 0), ("Sales", False, 2), ("Germany", True, 1)]
    assert await names(client, folderId=sales) == ["Two", "One"], "what is within a folder is in it too"
    assert await names(client, folderId=inner) == ["Two"] and await names(client, folderId=empty) == []
    assert await names(client, folderId="none") == [] and await names(client) == ["Two", "One"]
    assert (await client.get(WORKFLOWS, params={"folderId": "x"})).status_code == 422
    copy = (await client.post(f"{WORKFLOWS}/{second['id']}/duplicate")).json()["data"]
    assert copy["folderId"] == inner
    taken_out = await client.patch(f"{WORKFLOWS}/{copy['id']}", json={"folderId": None})
    assert taken_out.json()["data"]["folderId"] is None
    assert (await client.get(FOLDERS)).json()["meta"] == {"unfiled": 1, "total": 3}


async def test_what_was_in_a_deleted_folder_moves_up(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    client = await api(Role.ADMIN)
    sales = await made(client)
    inner = await made(client, name="Sales", parentId=sales)
    deep = await created(client, tagging(name="Deep", folderId=inner))
    gone = await created(client, tagging(name="Gone", folderId=sales))
    await client.delete(f"{WORKFLOWS}/{gone['id']}")
    assert (await client.delete(f"{FOLDERS}/{sales}")).json()["data"] == {"id": sales}
    assert await tree(client) == [("Sales", False, 1)], "the one within it has taken its place"
    assert (await client.delete(f"{FOLDERS}/{inner}")).status_code == 200
    assert (await client.get(f"{WORKFLOWS}/{deep['id']}")).json()["data"]["folderId"] is None
    assert (await client.delete(f"{FOLDERS}/{inner}")).json()["code"] == "folder_not_found"
    assert await names(client, folderId="none") == ["Deep"]


async def test_names_places_and_how_many(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await api(Role.MARKETER)
    sales = await made(client, name="  Sales \n team ")
    inner = await made(client, name="Inner", parentId=sales)
    assert [name for name, _, _ in await tree(client)] == ["Sales team", "Inner"]
    taken = await client.post(FOLDERS, json={"name": "sales TEAM"})
    assert (taken.status_code, taken.json()["code"]) == (409, "folder_name_taken")
    other = await made(client, name="Other")
    assert (await client.patch(f"{FOLDERS}/{other}", json={"name": "Sales team"})).status_code == 409
    for body in ({"parentId": inner}, {"parentId": other}, {"parentId": str(uuid4())}):
        refused = await client.patch(f"{FOLDERS}/{other}", json=body)
        assert refused.status_code == 422 and refused.json()["errors"][0]["path"] == "parentId", body
    assert (await client.patch(f"{FOLDERS}/{sales}", json={"parentId": other})).status_code == 422, "it holds one"
    renamed = await client.patch(f"{FOLDERS}/{inner}", json={"parentId": other, "name": "Moved"})
    assert renamed.json()["data"]["parentId"] == other
    back = await client.patch(f"{FOLDERS}/{inner}", json={"parentId": None})
    assert back.json()["data"]["parentId"] is None
    await made(client, name="Up", parentId=other)
    await made(client, name="UP")
    assert (await client.delete(f"{FOLDERS}/{other}")).status_code == 409, "two of a name would lie there"
    monkeypatch.setattr(service, "MOST_FOLDERS", 5)
    assert (await client.post(FOLDERS, json={"name": "More"})).status_code == 422
    assert (await client.post(FOLDERS, json={"name": " "})).status_code in (400, 422)


async def test_templates_have_folders_of_their_own(api: Any) -> None:
    client = await api(Role.MARKETER)
    of_workflows, of_templates = await made(client), await made(client, OF_TEMPLATES, name="Mails")
    template = (await client.post(TEMPLATES, json={**NEW, "folderId": of_templates, "tags": ["b", "A"]})).json()["data"]
    assert (template["folderId"], template["tags"]) == (of_templates, ["A", "b"])
    refused = await client.post(TEMPLATES, json={**NEW, "name": "Two", "folderId": of_workflows})
    assert refused.status_code == 422 and refused.json()["errors"][0]["path"] == "folderId"
    path = f"{TEMPLATES}/{template['id']}"
    assert (await client.patch(path, json={"folderId": of_workflows})).status_code == 422
    assert (await client.patch(f"{FOLDERS}/{of_templates}", json={"name": "x"})).status_code == 404
    assert await names(client, TEMPLATES, folderId=of_templates) == ["Welcome"]
    assert await names(client, TEMPLATES, tag="b") == ["Welcome"] and await names(client, TEMPLATES, tag="c") == []
    changed = (await client.patch(path, json={"folderId": None, "tags": [], "name": "Hello"})).json()["data"]
    assert (changed["folderId"], changed["tags"], changed["name"]) == (None, [], "Hello")
    assert await tree(client, OF_TEMPLATES) == [("Mails", False, 0)]


async def test_tags_are_found_by_and_travel_with_files(api: Any) -> None:
    client = await api(Role.ADMIN)
    folder = await made(client)
    one = await created(client, tagging(name="One", tags=["VIP", "spring  sale", "vip"], folderId=folder))
    assert one["tags"] == ["spring sale", "VIP"]
    await created(client, tagging(name="Two", tags=["vip only"]))
    assert await names(client, tag="VIP") == ["One"] and await names(client, tag="vi") == []
    assert await names(client, tag="VIP", folderId="none") == [] and await names(client, tag="a\0b") == []
    for tags in (["a,b"], [" "], ["x" * 41], [str(number) for number in range(21)]):
        assert (await client.patch(f"{WORKFLOWS}/{one['id']}", json={"tags": tags})).status_code in (400, 422), tags
    await client.post(f"{WORKFLOWS}/{one['id']}/archive")
    filed = await client.patch(f"{WORKFLOWS}/{one['id']}", json={"tags": ["old"], "folderId": None})
    assert filed.json()["data"]["tags"] == ["old"], "the archive is put in order as well"
    assert (await client.patch(f"{WORKFLOWS}/{one['id']}", json={"tags": [], "name": "x"})).status_code == 409
    file = (await client.get(f"{WORKFLOWS}/{one['id']}/export")).json()["data"]
    assert file["workflow"]["tags"] == ["old"] and "folderId" not in file["workflow"]
    imported = (await client.post(f"{WORKFLOWS}/import", json=file)).json()["data"]
    assert (await client.get(f"{WORKFLOWS}/{imported['id']}")).json()["data"]["tags"] == ["old"]


async def test_folders_of_another_workspace_are_nobodys(
    api: Any, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    client = await api(Role.ADMIN)
    other = Workflow(tenant_id=other_workspace.id, name="Theirs", draft={})
    db_session.add_all([other, Template(tenant_id=other_workspace.id, **NEW)])
    await db_session.flush()
    folder = await made(client)
    await created(client, tagging(name="Mine", folderId=folder))
    assert await tree(client) == [("Sales", False, 1)]
    assert (await client.get(FOLDERS)).json()["meta"]["total"] == 1
    assert (await client.patch(f"{WORKFLOWS}/{other.id}", json={"folderId": folder})).status_code == 404


def test_a_tag_stands_once_however_it_is_written() -> None:
    assert checked_tags(["b", " A ", "a", "B", "c  d"]) == ["A", "b", "c d"]
