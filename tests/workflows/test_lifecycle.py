"""Activate, pause, resume, archive, restore, delete: what is allowed when, and by whom."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import jobs
from app.models import Workflow, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors, make_template, onboarding, op, patch_draft


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the actors to notify."""
    names: list[str] = []
    monkeypatch.setattr(jobs, "enqueue", lambda session, name: names.append(name))
    return names


async def act(client: httpx.AsyncClient, workflow_id: str, action: str, **body: Any) -> httpx.Response:
    return await client.post(f"{PATH}/{workflow_id}/{action}", json=body or None)


async def test_activating_publishes_the_draft(admin: httpx.AsyncClient, notified: list[str]) -> None:
    flow = await created(admin)
    answer = await act(admin, flow["id"], "activate", changelog="First")
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["status"] == "active" and data["version"] == data["liveVersion"] == 1
    assert data["hasUnpublishedChanges"] is False and data["draftRev"] == flow["draftRev"]
    (version,) = (await admin.get(f"{PATH}/{flow['id']}/versions")).json()["data"]
    assert version["version"] == 1 and version["live"] is True and version["changelog"] == "First"
    assert "advance" in notified


async def test_activating_again_publishes_only_what_changed(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await act(admin, flow["id"], "activate")
    assert (await act(admin, flow["id"], "activate")).json()["data"]["version"] == 1
    moved = op("move_node", nodeId="tag", position={"x": 500, "y": 500})
    await patch_draft(admin, flow["id"], 1, moved)
    data = (await act(admin, flow["id"], "activate")).json()["data"]
    assert data["version"] == 1 and data["hasUnpublishedChanges"] is False
    await patch_draft(admin, flow["id"], 2, op("update_node", nodeId="tag", data={"tag": "other"}))
    before = (await admin.get(f"{PATH}/{flow['id']}")).json()["data"]
    assert before["hasUnpublishedChanges"] is True and before["version"] == 1
    assert (await act(admin, flow["id"], "activate")).json()["data"]["version"] == 2


async def test_an_unfinished_workflow_cannot_be_activated(admin: httpx.AsyncClient) -> None:
    flow = await created(admin, {"name": "Empty"})
    answer = await act(admin, flow["id"], "activate")
    assert answer.status_code == 422 and answer.json()["code"] == "workflow_not_ready"
    assert set(field_errors(answer)) == {"trigger", "trigger.event"}
    data = (await admin.get(f"{PATH}/{flow['id']}")).json()["data"]
    assert data["status"] == "draft" and data["liveVersion"] is None
    assert (await admin.get(f"{PATH}/{flow['id']}/versions")).json()["data"] == []


async def test_a_template_deleted_since_keeps_it_from_starting(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    template = await make_template(db_session, workspace)
    flow = await created(admin, onboarding(template))
    assert (await act(admin, flow["id"], "activate")).status_code == 200
    await act(admin, flow["id"], "pause")
    await db_session.delete(template)
    await db_session.flush()
    for action in ("activate", "resume"):
        answer = await act(admin, flow["id"], action)
        assert answer.status_code == 422 and "nodes[0].data.templateId" in field_errors(answer)


async def test_pause_and_resume_leave_the_draft_unpublished(admin: httpx.AsyncClient, notified: list[str]) -> None:
    flow = await created(admin)
    await act(admin, flow["id"], "activate")
    paused = await act(admin, flow["id"], "pause")
    assert paused.status_code == 200 and paused.json()["data"]["status"] == "paused"
    await patch_draft(admin, flow["id"], 1, op("update_node", nodeId="tag", data={"tag": "other"}))
    notified.clear()
    resumed = (await act(admin, flow["id"], "resume")).json()["data"]
    assert resumed["status"] == "active" and resumed["version"] == 1 and resumed["hasUnpublishedChanges"] is True
    assert {"advance", "deliver"} <= set(notified)
    await act(admin, flow["id"], "pause")
    assert (await act(admin, flow["id"], "activate")).json()["data"]["version"] == 2


async def test_asking_twice_is_harmless(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await act(admin, flow["id"], "activate")
    for action, status in (("pause", "paused"), ("resume", "active"), ("pause", "paused"), ("archive", "archived")):
        for _ in range(2):
            answer = await act(admin, flow["id"], action)
            assert answer.status_code == 200 and answer.json()["data"]["status"] == status


@pytest.mark.parametrize(
    ("before", "action", "words"),
    [
        ([], "pause", "a draft"),
        ([], "resume", "never active"),
        ([], "restore", "Only an archived"),
        (["activate"], "archive", "Pause this workflow before you archive it."),
        (["archive"], "activate", "Restore it"),
        (["archive"], "pause", "Restore it"),
        (["archive"], "resume", "Restore it"),
    ],
)
async def test_what_does_not_fit_the_status_is_a_clear_conflict(
    admin: httpx.AsyncClient, before: list[str], action: str, words: str
) -> None:
    flow = await created(admin)
    for step in before:
        assert (await act(admin, flow["id"], step)).status_code == 200
    answer = await act(admin, flow["id"], action)
    assert answer.status_code == 409 and words in answer.json()["detail"]


async def test_an_active_workflow_is_not_deleted(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await act(admin, flow["id"], "activate")
    answer = await admin.delete(f"{PATH}/{flow['id']}")
    assert answer.status_code == 409 and answer.json()["detail"] == "Pause this workflow before you delete it."
    assert answer.json()["code"] == "workflow_active"


async def test_a_deleted_workflow_is_gone(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, notified: list[str]
) -> None:
    flow = await created(admin)
    await act(admin, flow["id"], "activate")
    await act(admin, flow["id"], "pause")
    answer = await admin.delete(f"{PATH}/{flow['id']}")
    assert answer.status_code == 200 and answer.json()["data"] == {"id": flow["id"]}
    assert (await admin.get(f"{PATH}/{flow['id']}")).status_code == 404
    assert (await admin.delete(f"{PATH}/{flow['id']}")).status_code == 404
    assert (await admin.get(PATH)).json()["data"] == []
    row = await db_session.get(Workflow, (workspace.id, flow["id"]))
    assert row is not None and row.deleted_at is not None
    assert "end_removed_runs" in notified


async def test_archive_and_restore(admin: httpx.AsyncClient, notified: list[str]) -> None:
    never, published = await created(admin), await created(admin)
    await act(admin, published["id"], "activate")
    await act(admin, published["id"], "pause")
    for flow, back in ((never, "draft"), (published, "paused")):
        notified.clear()
        assert (await act(admin, flow["id"], "archive")).json()["data"]["status"] == "archived"
        # Mail that waited while it was paused is looked at once more, to be suppressed.
        assert notified == ["end_removed_runs", "deliver"]
        assert (await admin.patch(f"{PATH}/{flow['id']}", json={"name": "X"})).status_code == 409
        assert (await act(admin, flow["id"], "restore")).json()["data"]["status"] == back


@pytest.mark.parametrize("action", ["activate", "pause", "resume", "archive", "restore"])
async def test_only_admins_of_this_workspace(api: ApiClients, other_workspace: Workspace, action: str) -> None:
    marketer = await api(Role.MARKETER)
    flow = await created(marketer)
    assert (await act(marketer, flow["id"], action)).status_code == 403
    stranger = await api(Role.OWNER, other_workspace)
    assert (await act(stranger, flow["id"], action)).status_code == 404
    assert (await act(stranger, str(uuid4()), action)).status_code == 404


async def test_only_admins_of_this_workspace_delete(api: ApiClients, other_workspace: Workspace) -> None:
    marketer = await api(Role.MARKETER)
    flow = await created(marketer)
    assert (await marketer.delete(f"{PATH}/{flow['id']}")).status_code == 403
    assert (await (await api(Role.OWNER, other_workspace)).delete(f"{PATH}/{flow['id']}")).status_code == 404
    assert (await marketer.get(f"{PATH}/{flow['id']}")).status_code == 200
