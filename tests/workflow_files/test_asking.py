"""What a program is asked about a file: nothing that its key may not read, and no more than it can take in at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder import missing_rows
from app.models import Template, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, make_key
from tests.workflow_files.test_files import made

OF_KINDS = {
    "template": ["templates:read"],
    "connector": ["connectors:read"],
    "segment": ["segments:read"],
    "workflow": ["workflows:read"],
    "topic": ["contacts:read", "workflows:read"],
}


def naming_each_kind() -> dict[str, Any]:
    mail = {"templateId": str(uuid4()), "connectorId": str(uuid4()), "topic": "news"}
    nodes = [
        {"id": "mail", "type": "send_email", "data": mail},
        {"id": "call", "type": "sub_workflow", "data": {"workflowId": str(uuid4())}},
        {"id": "into", "type": "add_to_segment", "data": {"segmentId": str(uuid4())}},
    ]
    return {"format": "throughline/1", "workflow": {"name": "Elsewhere", "nodes": nodes}}


async def test_a_key_is_offered_what_its_scopes_open(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    owner = await api(Role.OWNER)
    mail = {"name": "Mail of here", "type": "smtp", "config": {"host": "a.example", "fromEmail": "a@a.example"}}
    await made(owner, "/connectors", mail)
    await made(owner, "/segments", {"name": "Segment of here", "kind": "static"})
    await made(owner, "/workflows", {"name": "Workflow of here"})
    await made(owner, "/contacts", {"email": "ada@example.com", "consent": {"topic_of_here": True}})
    db_session.add(Template(tenant_id=workspace.id, name="Template of here", subject="Hi", html="<p>Hi</p>", text="Hi"))
    await db_session.flush()
    for scopes in ([], *OF_KINDS.values(), ["contacts:read"]):
        key = await make_key(db_session, workspace, Role.MARKETER, scopes=["workflows:write", *scopes])
        owner.headers["authorization"] = f"Bearer {key}"
        asked = await made(owner, "/workflows/import?ask=true", naming_each_kind())
        options = {one["kind"]: [option["name"] for option in one["options"]] for one in asked["missing"]}
        assert options.keys() == OF_KINDS.keys(), "what is missing is said to all"
        opened = {one for one, needed in OF_KINDS.items() if set(needed) <= set(scopes)}
        for one, names in options.items():
            assert any(name.replace("_", " ").endswith("of here") for name in names) == (one in opened), (
                scopes,
                one,
                names,
            )
        assert options["topic"][0] == "news, as a new topic", "it stands in the file"


async def test_each_row_is_looked_at_once_however_many_are_missing(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, looked_at, fits = await api(Role.OWNER), list[str](), missing_rows._fits

    def counting(one: Any, *args: Any) -> bool:
        looked_at.append(one["name"])
        return fits(one, *args)

    monkeypatch.setattr(missing_rows, "_fits", counting)
    for number in range(8):
        db_session.add(
            Template(
                tenant_id=workspace.id, name=f"T{number}", subject="Hi", html="<p>Hi</p>", text="Hi", channel="email"
            )
        )
    await db_session.flush()
    nodes = [{"id": f"m{n}", "type": "send_email", "data": {"templateId": str(uuid4())}} for n in range(60)]
    file = {"format": "throughline/1", "workflow": {"name": "Many", "nodes": nodes}}
    asked = await made(owner, "/workflows/import?ask=true", file)
    assert sorted(looked_at) == [f"T{number}" for number in range(8)]
    assert (len(asked["missing"]), asked["moreMissing"]) == (50, 10)
    mapping = {one["reference"]: one["options"][0]["value"] for one in asked["missing"]}
    last = asked["missing"][0]["options"][-1]["value"]
    others = await made(owner, "/workflows/import?ask=true", file | {"mapping": mapping})
    assert (len(others["missing"]), others["moreMissing"], others["id"]) == (10, 0, None)
    monkeypatch.setattr(missing_rows, "MOST_OPTIONS", 3)
    (one,) = (asked := await made(owner, "/workflows/import?ask=true", file))["missing"]
    assert (len(one["options"]), one["moreOptions"], asked["moreMissing"]) == (3, True, 59)
    ids = [node["data"]["templateId"] for node in nodes]
    assert (await made(owner, "/workflows/import", file | {"mapping": dict.fromkeys(ids, last)}))["id"], (
        "of the others too"
    )
