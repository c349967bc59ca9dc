"""Publishing, looking back and reverting."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User, Workflow, WorkflowVersion, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created, field_errors, op, patch_draft


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


async def retag(client: httpx.AsyncClient, workflow_id: str, rev: int, tag: str) -> None:
    answer = await patch_draft(client, workflow_id, rev, op("update_node", nodeId="tag", data={"tag": tag}))
    assert answer.status_code == 200, answer.text


async def test_publishing_freezes_the_draft(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    answer = await admin.post(f"{PATH}/{flow['id']}/versions", json={"changelog": " Says hello "})
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert data["version"] == 1 and data["live"] is True and data["changelog"] == "Says hello"
    assert data["nodes"] == flow["nodes"] and data["author"]
    await retag(admin, flow["id"], 1, "changed")
    frozen = (await admin.get(f"{PATH}/{flow['id']}/versions/1")).json()["data"]
    assert frozen["nodes"] == flow["nodes"]
    assert (await admin.get(f"{PATH}/{flow['id']}")).json()["data"]["status"] == "draft"


async def test_nothing_new_is_not_published(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/versions")
    answer = await admin.post(f"{PATH}/{flow['id']}/versions")
    assert answer.status_code == 409 and answer.json()["code"] == "nothing_to_publish"


async def test_an_unfinished_draft_is_not_published(admin: httpx.AsyncClient) -> None:
    flow = await created(admin, {"name": "Empty"})
    answer = await admin.post(f"{PATH}/{flow['id']}/versions")
    assert answer.status_code == 422 and "trigger.event" in field_errors(answer)


async def test_versions_are_listed_newest_first(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    for number in range(1, 4):
        await admin.post(f"{PATH}/{flow['id']}/versions", json={"changelog": f"No. {number}"})
        await retag(admin, flow["id"], number, f"tag-{number}")
    first = (await admin.get(f"{PATH}/{flow['id']}/versions", params={"limit": 2})).json()
    assert [(row["version"], row["live"], row["changelog"]) for row in first["data"]] == [
        (3, True, "No. 3"),
        (2, False, "No. 2"),
    ]
    cursor = first["meta"]["nextCursor"]
    second = (await admin.get(f"{PATH}/{flow['id']}/versions", params={"limit": 2, "cursor": cursor})).json()
    assert [row["version"] for row in second["data"]] == [1] and second["meta"]["nextCursor"] is None
    assert "nodes" not in first["data"][0] and first["data"][0]["nodeCount"] == 2


async def test_reverting_makes_a_new_version_and_the_draft_follows(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    await retag(admin, flow["id"], 1, "second")
    await admin.post(f"{PATH}/{flow['id']}/activate")
    await retag(admin, flow["id"], 2, "never published")
    answer = await admin.post(f"{PATH}/{flow['id']}/versions/1/revert")
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert made["version"] == 3 and made["live"] is True and made["nodes"] == flow["nodes"]
    assert made["changelog"] == "Reverted to version 1"
    now = (await admin.get(f"{PATH}/{flow['id']}")).json()["data"]
    assert now["version"] == 3 and now["status"] == "active" and now["nodes"] == flow["nodes"]
    assert now["hasUnpublishedChanges"] is False and now["draftRev"] == 4
    late = await patch_draft(admin, flow["id"], 3, op("move_node", nodeId="tag", position={"x": 1, "y": 1}))
    assert late.status_code == 409


async def test_the_live_version_is_not_reverted_to(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    answer = await admin.post(f"{PATH}/{flow['id']}/versions/1/revert")
    assert answer.status_code == 409 and answer.json()["code"] == "version_is_live"


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999"])
async def test_a_version_that_does_not_exist(admin: httpx.AsyncClient, number: str) -> None:
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    for answer in (
        await admin.get(f"{PATH}/{flow['id']}/versions/{number}"),
        await admin.post(f"{PATH}/{flow['id']}/versions/{number}/revert"),
    ):
        assert answer.status_code == 404 and answer.json()["code"] == "version_not_found"


async def test_discarding_the_draft_brings_back_what_is_live(admin: httpx.AsyncClient) -> None:
    flow = await created(admin)
    early = await admin.delete(f"{PATH}/{flow['id']}/draft")
    assert early.status_code == 409 and "Nothing is published" in early.json()["detail"]
    await admin.post(f"{PATH}/{flow['id']}/activate")
    await retag(admin, flow["id"], 1, "oops")
    answer = await admin.delete(f"{PATH}/{flow['id']}/draft")
    assert answer.status_code == 200
    assert answer.json()["data"]["nodes"] == flow["nodes"] and answer.json()["data"]["draftRev"] == 3
    assert (await admin.delete(f"{PATH}/{flow['id']}/draft")).json()["data"]["draftRev"] == 3


async def test_who_may(
    api: ApiClients, admin: httpx.AsyncClient, other_workspace: Workspace, db_session: AsyncSession
) -> None:
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    await retag(admin, flow["id"], 1, "second")
    path = f"{PATH}/{flow['id']}/versions"
    marketer, viewer = await api(Role.MARKETER), await api(Role.VIEWER)
    stranger = await api(Role.OWNER, other_workspace)
    assert (await viewer.get(path)).status_code == 200 and (await viewer.get(f"{path}/1")).status_code == 200
    assert (await marketer.post(path)).status_code == 403
    assert (await marketer.post(f"{path}/1/revert")).status_code == 403
    assert (await viewer.delete(f"{PATH}/{flow['id']}/draft")).status_code == 403
    for answer in (
        await stranger.get(path),
        await stranger.get(f"{path}/1"),
        await stranger.post(path),
        await stranger.post(f"{path}/1/revert"),
        await stranger.delete(f"{PATH}/{flow['id']}/draft"),
    ):
        assert answer.status_code == 404
    assert (await db_session.scalars(select(WorkflowVersion.version))).all() == [1]


async def test_who_made_it_is_a_user_or_a_key(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    """A key is told by its own id, in workflows, copies and versions alike."""
    admin = await api(Role.ADMIN)
    key = next(row for row in (await admin.get("/api/v1/api-keys")).json()["data"])["id"]
    flow = await created(admin)
    copy = (await admin.post(f"{PATH}/{flow['id']}/duplicate")).json()["data"]
    version = (await admin.post(f"{PATH}/{flow['id']}/versions")).json()["data"]
    assert flow["createdBy"] == copy["createdBy"] == version["createdBy"] == key
    listed = (await admin.get(f"{PATH}/{flow['id']}/versions")).json()["data"]
    assert [row["createdBy"] for row in listed] == [key]
    await (await browser(Role.MARKETER)).post("/workflows", data={"name": "By hand"})
    users = set(await db_session.scalars(select(User.id)))
    found = {row["name"]: row["createdBy"] for row in (await admin.get(PATH)).json()["data"]}
    assert found["By hand"] in {str(user) for user in users}


async def test_who_entered_is_all_remembered_from_the_first_version_on(
    admin: httpx.AsyncClient, db_session: AsyncSession
) -> None:
    """Until one is published whose runs are not; then somebody has to look at them."""
    flow = await created(admin)
    states = []
    for number, policy in enumerate(("once", "cooldown", "always", "once", "cooldown"), start=1):
        settings = {"reentry": policy, **({"cooldownSeconds": 60} if policy == "cooldown" else {})}
        answer = await patch_draft(admin, flow["id"], number, op("set_settings", settings=settings))
        assert answer.status_code == 200, answer.text
        assert (await admin.post(f"{PATH}/{flow['id']}/versions")).status_code == 201
        states.append(await db_session.scalar(select(Workflow.entries_complete).where(Workflow.id == UUID(flow["id"]))))
        if (
            policy == "once" and number > 1
        ):  # somebody looked while the version before was live, and had nothing to fill in
            await db_session.execute(update(Workflow).values(entries_complete=False))
    assert states == [True, True, None, None, None]
