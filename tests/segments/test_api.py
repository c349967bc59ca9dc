"""Static segments over the API: rows, members by all that they are known by, what uses one, and who sees it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.segment_membership import ADDED, REMOVED
from app.lib.ids import uuid7
from app.models import Contact, Event, Inbox, Segment, SegmentDay, SegmentMember, Workflow, WorkflowVersion, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients

SEGMENTS = "/api/v1/segments"


async def created(client: Any, **change: Any) -> dict[str, Any]:
    answer = await client.post(SEGMENTS, json={"name": "VIPs", **change})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def people(session: AsyncSession, workspace: Workspace, *names: str) -> list[Contact]:
    rows = [
        Contact(id=uuid7(), tenant_id=workspace.id, email=f"{name}@example.com", external_id=name) for name in names
    ]
    session.add_all(rows)
    await session.flush()
    return rows


async def moves(session: AsyncSession) -> list[tuple[str, UUID | None, Any]]:
    """The events of moves, each of which must be in the timeline and in the inbox."""
    stored = (await session.execute(select(Event.name, Event.contact_id, Event.properties).order_by(Event.id))).all()
    queued = (await session.execute(select(Inbox.name, Inbox.contact_id, Inbox.payload).order_by(Inbox.id))).all()
    assert sorted(map(str, stored)) == sorted(map(str, queued))
    return [tuple(row) for row in stored]


async def test_create_get_list_change_delete(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    segment = await created(client, description="Our best")
    assert (segment["kind"], segment["memberCount"], segment["state"]) == ("static", 0, "ready")
    url = f"{SEGMENTS}/{segment['id']}"
    assert (await client.get(url)).json()["data"] == segment
    changed = (await client.patch(url, json={"name": "Very important"})).json()["data"]
    assert (changed["name"], changed["description"]) == ("Very important", "Our best")
    await created(client, name="Others")
    names = [row["name"] for row in (await client.get(SEGMENTS)).json()["data"]]
    assert names == ["Others", "Very important"]
    searched = (await client.get(SEGMENTS, params={"search": "BEST"})).json()["data"]
    assert [row["name"] for row in searched] == ["Very important"]
    first = (await client.get(SEGMENTS, params={"limit": 1})).json()
    following = (await client.get(SEGMENTS, params={"limit": 1, "cursor": first["meta"]["nextCursor"]})).json()
    assert [row["name"] for row in following["data"]] == ["Very important"]
    assert following["meta"]["nextCursor"] is None
    assert (await client.delete(url)).status_code == 200
    assert (await client.get(url)).status_code == 404
    assert (await created(client, name="Very important"))["memberCount"] == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "vips"}, "name"),
        ({"name": "x", "kind": "magic"}, "kind"),
        ({"named": "x"}, "named"),
    ],
)
async def test_what_does_not_fit_is_said(api: ApiClients, body: dict[str, Any], path: str) -> None:
    client = await api(Role.MARKETER)
    await created(client)
    answer = await client.post(SEGMENTS, json=body)
    assert answer.status_code in (400, 422)
    assert path in [error["path"] for error in answer.json()["errors"]]


async def test_members_by_all_that_they_are_known_by(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    ada, bea, cleo = await people(db_session, workspace, "ada", "bea", "cleo")
    (foreign,) = await people(db_session, other_workspace, "dora")
    client = await api(Role.MARKETER)
    segment = await created(client)
    url = f"{SEGMENTS}/{segment['id']}"
    body = {
        "contactIds": [str(ada.id), str(foreign.id)],
        "externalIds": ["bea", "nobody"],
        "emails": ["CLEO@Example.com", "ada@example.com", "dora@example.com"],
    }
    answer = (await client.post(f"{url}/members", json=body)).json()["data"]
    assert answer == {"moved": 3, "unchanged": 0, "unknown": [str(foreign.id), "nobody", "dora@example.com"]}
    again = (await client.post(f"{url}/members", json={"contactIds": [str(ada.id)]})).json()["data"]
    assert again == {"moved": 0, "unchanged": 1, "unknown": []}
    assert (await client.get(url)).json()["data"]["memberCount"] == 3

    listed = (await client.get(f"{url}/members", params={"limit": 2})).json()
    beyond = (await client.get(f"{url}/members", params={"limit": 2, "cursor": listed["meta"]["nextCursor"]})).json()
    shown = [row["contactId"] for row in listed["data"] + beyond["data"]]
    assert shown == [str(one.id) for one in (cleo, bea, ada)]
    assert (listed["meta"]["total"], beyond["meta"]["nextCursor"]) == (3, None)
    assert listed["data"][0]["email"] == "cleo@example.com"

    inside = (await client.get(f"/api/v1/contacts/{bea.id}/segments")).json()["data"]
    assert [(row["name"], row["kind"]) for row in inside] == [("VIPs", "static")]
    taken_out = await client.request(
        "DELETE", f"{url}/members", json={"emails": ["bea@example.com", "ada@example.com"]}
    )
    assert taken_out.json()["data"] == {"moved": 2, "unchanged": 0, "unknown": []}
    assert (await client.get(f"/api/v1/contacts/{bea.id}/segments")).json()["data"] == []
    named = {"segmentId": segment["id"], "segmentName": "VIPs"}
    told = await moves(db_session)
    assert [(name, properties) for name, _, properties in told] == [(ADDED, named)] * 3 + [(REMOVED, named)] * 2
    assert {contact for name, contact, _ in told if name == REMOVED} == {ada.id, bea.id}
    days = (await db_session.execute(select(SegmentDay.entered, SegmentDay.departed))).all()
    assert [tuple(day) for day in days] == [(3, 2)]


async def test_a_contact_named_twice_enters_once(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    (ada,) = await people(db_session, workspace, "ada")
    client = await api(Role.MARKETER)
    url = f"{SEGMENTS}/{(await created(client))['id']}/members"
    body = {"contactIds": [str(ada.id)] * 2, "externalIds": ["ada"], "emails": ["ada@example.com", "ADA@example.com"]}
    assert (await client.post(url, json=body)).json()["data"] == {"moved": 1, "unchanged": 0, "unknown": []}
    assert len(await moves(db_session)) == 1


@pytest.mark.parametrize("body", [{}, {"externalIds": [str(n) for n in range(1_001)]}])
async def test_nobody_and_too_many_are_refused(api: ApiClients, body: dict[str, Any]) -> None:
    client = await api(Role.MARKETER)
    url = f"{SEGMENTS}/{(await created(client))['id']}/members"
    for method in ("POST", "DELETE"):
        answer = await client.request(method, url, json=body)
        assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == "contactIds"


async def test_who_is_in_a_dynamic_one_its_rule_says(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    (ada,) = await people(db_session, workspace, "ada")
    segment = Segment(
        id=uuid7(), tenant_id=workspace.id, number=7, name="Pros", kind="dynamic", rule={"conditions": []}
    )
    db_session.add(segment)
    await db_session.flush()
    client = await api(Role.MARKETER)
    answer = await client.post(f"{SEGMENTS}/{segment.id}/members", json={"contactIds": [str(ada.id)]})
    assert (answer.status_code, answer.json()["code"]) == (409, "segment_not_static")
    assert not (await db_session.scalars(select(SegmentMember))).all()


async def test_one_in_use_is_deleted_only_by_who_knows(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    client = await api(Role.MARKETER)
    segment = await created(client)
    graph = {
        "triggers": [{"id": "t", "type": "segment_entry", "data": {"segmentId": segment["id"].upper()}}],
        "nodes": [],
    }
    workflow = Workflow(
        id=uuid7(), tenant_id=workspace.id, name="Welcome", status="active", live_version=1, draft=graph
    )
    db_session.add(workflow)
    await db_session.flush()
    db_session.add(
        WorkflowVersion(tenant_id=workspace.id, workflow_id=workflow.id, version=1, graph=graph, content_hash=b"")
    )
    await db_session.flush()
    url = f"{SEGMENTS}/{segment['id']}"
    refused = await client.delete(url)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "segment_in_use")
    assert "“Welcome” (draft, v1 live)" in problem["detail"] and "start nobody any more" in problem["detail"]
    assert {use["workflowId"] for use in problem["usedBy"]} == {str(workflow.id)}
    assert (await client.delete(url, params={"evenIfUsed": "true"})).status_code == 200


@pytest.mark.parametrize("place", ["trigger", "step", "goal"])
async def test_one_that_a_condition_asks_for_is_in_use(api: ApiClients, place: str) -> None:
    client = await api(Role.MARKETER)
    segment = await created(client)

    def document(segment_id: str) -> dict[str, Any]:
        asks = [{"field": "segment", "operator": "in", "value": [segment_id]}]
        data = {"trigger": {"conditions": asks}, "step": {"data": {"conditions": asks}}, "goal": {"conditions": asks}}
        step = {"id": "c", "type": "condition", **(data["step"] if place == "step" else {"data": {}})}
        goal = {"id": "g", "name": "G", "event": "paid", **(data["goal"] if place == "goal" else {})}
        return {
            "trigger": {"type": "event", "event": "paid", **(data["trigger"] if place == "trigger" else {})},
            "nodes": [step],
            "edges": [{"source": "trigger", "target": "c"}],
            "goals": [goal],
        }

    body = {"name": "Asks", **document(segment["id"])}
    workflow = await client.post("/api/v1/workflows", json=body)
    assert workflow.status_code == 201, workflow.text
    refused = await client.delete(f"{SEGMENTS}/{segment['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "segment_in_use"), refused.text
    assert "“Asks” (draft)" in refused.json()["detail"]
    nobody = await client.post("/api/v1/workflows", json={"name": "Lost", **document(str(uuid4()))})
    said = nobody.json().get("errors")
    if said is None:  # a trigger may be saved unfinished
        preview = await client.get(f"/api/v1/workflows/{nobody.json()['data']['id']}/activation-preview")
        said = preview.json()["data"]["blocking"]
    assert [one["path"] for one in said if "There is no such segment" in one["message"]]


async def test_one_that_another_rule_reads_is_never_deleted(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    client = await api(Role.MARKETER)
    segment = await created(client)
    rule = {"match": "all", "conditions": [{"field": "segment", "operator": "in", "value": [segment["id"]]}]}
    db_session.add(Segment(id=uuid7(), tenant_id=workspace.id, number=9, name="Both", kind="dynamic", rule=rule))
    await db_session.flush()
    answer = await client.delete(f"{SEGMENTS}/{segment['id']}", params={"evenIfUsed": "true"})
    assert answer.status_code == 409 and "“Both”" in answer.json()["detail"]
    assert answer.json()["usedBy"][0]["segmentName"] == "Both"


async def test_another_workspace_and_viewers_reach_nothing(
    api: ApiClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    foreign = Segment(id=uuid7(), tenant_id=other_workspace.id, number=1, name="Theirs", kind="static")
    db_session.add(foreign)
    await db_session.flush()
    marketer, viewer = await api(Role.MARKETER), await api(Role.VIEWER)
    for one in (foreign.id, uuid4()):
        url = f"{SEGMENTS}/{one}"
        assert (await marketer.get(url)).status_code == 404
        assert (await marketer.delete(url)).status_code == 404
        assert (await marketer.post(f"{url}/members", json={"emails": ["a@b.example"]})).status_code == 404
    own = await created(marketer)
    assert (await viewer.get(f"{SEGMENTS}/{own['id']}/members")).status_code == 200
    assert (await viewer.post(f"{SEGMENTS}/{own['id']}/members", json={"emails": ["a@b.example"]})).status_code == 403
    assert (await viewer.post(SEGMENTS, json={"name": "X"})).status_code == 403
