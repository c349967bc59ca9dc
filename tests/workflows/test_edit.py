"""GET, PATCH and duplicate of one workflow."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.models import Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors, tagging


async def test_get_shows_the_draft(api: ApiClients) -> None:
    flow = await created(await api(Role.MARKETER))
    answer = await (await api(Role.VIEWER)).get(f"{PATH}/{flow['id']}")
    assert answer.status_code == 200 and answer.json()["data"] == flow


async def test_what_is_not_there_is_not_found(api: ApiClients, other_workspace: Workspace) -> None:
    flow = await created(await api(Role.MARKETER))
    stranger = await api(Role.OWNER, other_workspace)
    for client, workflow_id in ((stranger, flow["id"]), (stranger, uuid4())):
        answer = await client.get(f"{PATH}/{workflow_id}")
        assert answer.status_code == 404 and answer.json()["code"] == "workflow_not_found"
    assert (await stranger.get(f"{PATH}/not-an-id")).status_code == 404


async def test_parts_are_replaced_and_the_rest_stays(api: ApiClients, clock: Clock) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    clock.advance(minutes=5)
    goals = [{"id": "g", "name": "Bought", "event": "order.placed", "conditions": [], "match": "all"}]
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"goals": goals, "name": "New name"})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["goals"] == goals and data["name"] == "New name" and data["nodes"] == flow["nodes"]
    assert data["draftRev"] == 2 and data["updatedAt"] > flow["updatedAt"] and data["createdAt"] == flow["createdAt"]


async def test_renaming_leaves_the_revision(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"name": "X", "description": "Y"})
    assert answer.json()["data"]["draftRev"] == 1
    cleared = await client.patch(f"{PATH}/{flow['id']}", json={"description": None})
    assert cleared.json()["data"]["description"] is None and cleared.json()["data"]["name"] == "X"


async def test_sending_the_same_graph_again_changes_nothing(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    body = {name: flow[name] for name in ("trigger", "nodes", "edges", "goals", "settings", "notes")}
    answer = await client.patch(f"{PATH}/{flow['id']}", json=body)
    assert answer.json()["data"] == flow


async def test_an_old_revision_is_refused_when_it_is_named(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    await client.patch(f"{PATH}/{flow['id']}", json={"settings": {"reentry": "once"}}, headers={"If-Match": '"1"'})
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"name": "Late"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 409 and answer.json()["code"] == "draft_conflict"
    assert (await client.get(f"{PATH}/{flow['id']}")).json()["data"]["name"] == flow["name"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"edges": [{"source": "tag", "target": "gone"}]}, "edges[0].target"),
        ({"nodes": []}, "edges[0].target"),
        ({"name": ""}, "name"),
        ({"status": "active"}, "status"),
        ({"settings": {"cooldownSeconds": 0}}, "settings.cooldownSeconds"),
    ],
)
async def test_a_bad_change_changes_nothing(api: ApiClients, body: dict[str, object], path: str) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"description": "half", **body})
    assert answer.status_code == 422 and path in field_errors(answer)
    assert (await client.get(f"{PATH}/{flow['id']}")).json()["data"] == flow


async def test_who_may_not_edit(api: ApiClients, other_workspace: Workspace) -> None:
    flow = await created(await api(Role.MARKETER))
    assert (await (await api(Role.VIEWER)).patch(f"{PATH}/{flow['id']}", json={"name": "X"})).status_code == 403
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.patch(f"{PATH}/{flow['id']}", json={"name": "X"})).status_code == 404


async def test_a_copy_begins_anew(api: ApiClients, other_workspace: Workspace) -> None:
    admin = await api(Role.ADMIN)
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/activate")
    answer = await admin.post(f"{PATH}/{flow['id']}/duplicate")
    assert answer.status_code == 201
    copy = answer.json()["data"]
    assert copy["name"] == "Tag newcomers (copy)" and copy["id"] != flow["id"] and copy["nodes"] == flow["nodes"]
    assert copy["status"] == "draft" and copy["liveVersion"] is None and copy["draftRev"] == 1
    named = await admin.post(f"{PATH}/{flow['id']}/duplicate", json={"name": "Mine"})
    assert named.json()["data"]["name"] == "Mine"
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.post(f"{PATH}/{flow['id']}/duplicate")).status_code == 404
    assert (await (await api(Role.VIEWER)).post(f"{PATH}/{flow['id']}/duplicate")).status_code == 403


async def test_the_longest_name_can_be_copied(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client, tagging(name="x" * 255))
    answer = await client.post(f"{PATH}/{flow['id']}/duplicate")
    assert answer.status_code == 201 and answer.json()["data"]["name"].endswith("(copy)")


async def test_the_priority_holds_at_once_and_goes_with_a_copy(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    assert flow["priority"] == "normal"
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"priority": "urgent"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["priority"] == "urgent"
    assert answer.json()["data"]["draftRev"] == flow["draftRev"], "no edit of the draft"
    copy = await client.post(f"{PATH}/{flow['id']}/duplicate")
    assert copy.json()["data"]["priority"] == "urgent"
    bulk = (await client.post(PATH, json={"name": "Campaign", "priority": "bulk"})).json()["data"]
    listed = (await client.get(PATH)).json()["data"]
    assert {row["id"]: row["priority"] for row in listed} == {
        flow["id"]: "urgent", copy.json()["data"]["id"]: "urgent", bulk["id"]: "bulk",
    }  # fmt: skip


@pytest.mark.parametrize("priority", ["high", "", 0, None])
async def test_other_priorities_are_refused(api: ApiClients, priority: object) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client)
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"priority": priority})
    assert answer.status_code in (400, 422) and "priority" in answer.text
    assert (await client.get(f"{PATH}/{flow['id']}")).json()["data"]["priority"] == "normal"
