"""Templates over the API: syntax checked at save, previews as a contact, one workspace never sees another's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.message_templates import service
from app.models import Contact, Template, Workflow, WorkflowVersion, Workspace
from app.models.status import Role

NEW = {
    "name": "Welcome",
    "channel": "email",
    "subject": "Hi {{ contact.first_name }}",
    "html": "<p>Hi {{ contact.email }}</p>",
}


async def made(api: Any, **change: Any) -> dict[str, Any]:
    client = await api(Role.MARKETER)
    answer = await client.post("/api/v1/templates", json={**NEW, **change})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def test_create_get_list_change_delete(api: Any) -> None:
    template = await made(api)
    assert template["text"] == "" and template["channel"] == "email"
    client = await api(Role.MARKETER)
    path = f"/api/v1/templates/{template['id']}"
    assert (await client.get(path)).json()["data"] == template
    changed = await client.patch(path, json={"subject": "Hello", "text": "plain"})
    assert changed.json()["data"] | {"updatedAt": 0} == {
        **template,
        "subject": "Hello",
        "text": "plain",
        "updatedAt": 0,
    }
    await made(api, name="Another")
    listed = (await client.get("/api/v1/templates", params={"limit": 1})).json()
    assert [row["name"] for row in listed["data"]] == ["Another"]
    rest = (await client.get("/api/v1/templates", params={"limit": 1, "cursor": listed["meta"]["nextCursor"]})).json()
    assert ([row["name"] for row in rest["data"]], rest["meta"]["nextCursor"]) == (["Welcome"], None)
    found = (await client.get("/api/v1/templates", params={"search": "anoth"})).json()["data"]
    assert [row["name"] for row in found] == ["Another"]
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"html": "<p>\n{% if x %}\n</p>"}, "html", "Line 3: expected “{% endif %}”"),
        ({"html": "<p>\n{{ x | nope }}</p>"}, "html", "Line 2: there is no filter called “nope”"),
        ({"subject": "{{ x"}, "subject", "Line 1"),
        ({"text": "{% include 'x' %}"}, "text", "include"),
        ({"html": "<style>a{color:{{ x }}}</style>"}, "html", "cannot be made safe"),
        ({"html": "", "text": ""}, "html", "Write the HTML or the text"),
        ({"subject": " "}, "subject", "Write a subject"),
        ({"subject": "Hi\r\nBcc: all@example.com"}, "subject", "one line"),
        ({"subject": "Hi \x0b there"}, "subject", "one line"),
        ({"name": " "}, "name", "name"),
        ({"name": "x" * 200}, "name", "120"),
        ({"channel": "pigeon"}, "channel", "pigeon"),
        ({"nope": 1}, "", "nope"),
        ({"html": 5}, "html", "text"),
    ],
)
async def test_mistakes_are_named_with_path_and_line(api: Any, change: Any, path: str, words: str) -> None:
    client = await api(Role.MARKETER)
    answer = await client.post("/api/v1/templates", json={**NEW, **change})
    assert answer.status_code == 422
    body = answer.json()
    assert body["success"] is False
    assert any(path in error["path"] and words.lower() in str(error).lower() for error in body["errors"]), body
    template = await made(api, name="Good")
    answer = await client.patch(f"/api/v1/templates/{template['id']}", json=change)
    assert answer.status_code == 422
    assert (await client.get(f"/api/v1/templates/{template['id']}")).json()["data"] == template, "nothing is half saved"


async def test_names_are_unique_in_a_workspace(api: Any, other_workspace: Workspace) -> None:
    await made(api)
    client = await api(Role.MARKETER)
    answer = await client.post("/api/v1/templates", json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    elsewhere = await api(Role.MARKETER, other_workspace)
    assert (await elsewhere.post("/api/v1/templates", json=NEW)).status_code == 201


async def test_roles(api: Any) -> None:
    template = await made(api)
    viewer = await api(Role.VIEWER)
    path = f"/api/v1/templates/{template['id']}"
    assert (await viewer.get(path)).status_code == 200
    assert (await viewer.post(f"{path}/preview", json={})).status_code == 200
    assert (await viewer.post("/api/v1/templates", json={**NEW, "name": "x"})).status_code == 403
    assert (await viewer.patch(path, json={"name": "x"})).status_code == 403
    assert (await viewer.delete(path)).status_code == 403


async def test_another_workspace_sees_nothing(api: Any, other_workspace: Workspace) -> None:
    template = await made(api)
    stranger = await api(Role.OWNER, other_workspace)
    path = f"/api/v1/templates/{template['id']}"
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.patch(path, json={"name": "x"})).status_code == 404
    assert (await stranger.delete(path)).status_code == 404
    assert (await stranger.post(f"{path}/preview", json={})).status_code == 404
    assert (await stranger.get("/api/v1/templates")).json()["data"] == []


async def test_a_template_in_use_stays(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    template = await made(api)
    workflow = Workflow(
        tenant_id=workspace.id,
        name="Onboarding",
        draft={"nodes": [{"id": "n", "type": "send_email", "data": {"templateId": template["id"]}}]},
    )
    db_session.add(workflow)
    await db_session.flush()
    client = await api(Role.MARKETER)
    answer = await client.delete(f"/api/v1/templates/{template['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "template_in_use")
    assert "Onboarding" in answer.json()["detail"]
    workflow.status = "archived"
    await db_session.flush()
    assert (await client.delete(f"/api/v1/templates/{template['id']}")).status_code == 204


async def test_preview_as_a_contact(
    api: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    template = await made(
        api,
        html="<p>{{ contact.first_name }} {{ event.total | money: 'EUR' }} <a href='{{ unsubscribe_url }}'>x</a></p>",
    )
    contact = Contact(tenant_id=workspace.id, email="zoe@example.com", attributes={"first_name": "<Zoé>"}, locale="en")
    foreign = Contact(tenant_id=other_workspace.id, email="foreign@example.com")
    db_session.add_all([contact, foreign])
    await db_session.flush()
    client = await api(Role.VIEWER)
    path = f"/api/v1/templates/{template['id']}/preview"
    sample = (await client.post(path, json={})).json()["data"]
    assert sample["subject"] == "Hi Ada" and sample["contact"] == "ada.sample@example.com"
    body = {"contactId": str(contact.id), "event": {"total": 5}, "subject": "S {{ contact.first_name }}\n2"}
    shown = (await client.post(path, json=body)).json()["data"]
    assert shown["subject"] == "S <Zoé> 2"
    assert "&lt;Zoé&gt; €5.00" in shown["html"]
    assert shown["text"] == "<Zoé> €5.00 x\n"
    for contact_id in (foreign.id, uuid4()):
        answer = await client.post(path, json={"contactId": str(contact_id)})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "contactId")
    broken = await client.post(path, json={"html": "<a href='javascript:x'>"})
    assert (broken.status_code, broken.json()["errors"][0]["path"]) == (422, "html")


async def test_who_changed_it_is_written_down(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    template = await made(api)
    row = await db_session.get(Template, (workspace.id, UUID(template["id"])))
    assert row is not None and row.updated_by is None, "an API key is no user"


async def test_a_preview_shows_times_in_the_workspaces_zone(api: Any, db_session: Any, workspace: Workspace) -> None:
    workspace.timezone = "Asia/Kolkata"
    contact = Contact(tenant_id=workspace.id, email="x@example.com")
    db_session.add(contact)
    await db_session.flush()
    template = await made(api, name="Zones")
    client = await api(Role.MARKETER)
    asked = {"contactId": str(contact.id), "subject": "{{ '2026-11-25T20:00:00Z' | date: '%d %H:%M' }}"}
    answer = await client.post(f"/api/v1/templates/{template['id']}/preview", json=asked)
    assert answer.json()["data"]["subject"] == "26 01:30"


async def test_what_a_published_workflow_sends_is_changed_by_who_may_publish(
    api: Any, browser: Any, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft that names it holds nobody up; a live version and an older one with people on it do."""
    template = await made(api)
    path = f"/api/v1/templates/{template['id']}"
    graph = {"nodes": [{"id": "n", "type": "send_email", "data": {"templateId": template["id"]}}]}
    workflow = Workflow(tenant_id=workspace.id, name="Onboarding", draft=graph)
    db_session.add(workflow)
    await db_session.flush()
    marketer, admin = await api(Role.MARKETER), await api(Role.ADMIN)
    assert (await marketer.patch(path, json={"subject": "While it is a draft"})).status_code == 200

    db_session.add(
        WorkflowVersion(workflow_id=workflow.id, version=3, graph=graph, tenant_id=workspace.id, content_hash=b"x")
    )
    workflow.live_version, workflow.status = 3, "active"
    await db_session.flush()
    for change in ({"subject": "x"}, {"html": "<p>x</p>"}, {"text": "x"}, {"name": "y", "text": "x"}):
        answer = await marketer.patch(path, json=change)
        assert (answer.status_code, answer.json()["code"]) == (403, "template_live"), change
        assert "Onboarding" in answer.json()["detail"]
    same = {"subject": "While it is a draft", "html": template["html"]}
    assert (await marketer.patch(path, json={"name": "Renamed", **same})).status_code == 200

    typed = {"name": "Renamed", "subject": "Typed with care", "html": "<p>x</p>", "text": ""}
    person = await browser(Role.MARKETER)
    page = await person.post(f"/templates/{template['id']}", data=typed)
    assert page.status_code == 403
    assert "Typed with care" in page.text
    assert "only admins change" in page.text
    assert (await (await browser(Role.ADMIN)).get(f"/templates/{template['id']}")).text.count(
        "every email from now on"
    ) == 1

    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(service, "log", SimpleNamespace(info=lambda event, **more: lines.append({event: more})))
    assert (await admin.patch(path, json={"subject": "By an admin"})).status_code == 200
    [line] = lines
    assert line["template.changed_live"]["template"] == template["id"]
    assert line["template.changed_live"]["by"].startswith("key:")
    copy = await person.post(f"/templates/{template['id']}/duplicate")
    assert (await person.post(copy.headers["location"], data={**typed, "name": "Own copy"})).status_code == 303
