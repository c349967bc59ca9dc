"""PATCH /api/v1/workflows/{id}/draft: ops, revisions, retries, and two people at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database
from app.models import DraftChange, Workflow, Workspace
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, make_key, make_workspace
from tests.workflows.examples import PATH, created, field_errors, make_template, op, patch_draft


@pytest.fixture
async def marketer(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


async def draft_of(client: httpx.AsyncClient, workflow_id: str) -> dict[str, Any]:
    data: dict[str, Any] = (await client.get(f"{PATH}/{workflow_id}")).json()["data"]
    return data


def add_tag_node(node_id: str, **fields: Any) -> dict[str, Any]:
    return op("add_node", node={"id": node_id, "type": "add_tag", "data": {"tag": node_id}, **fields})


async def test_a_flow_is_drawn_by_ops(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer, {"name": "Drawn"})
    ops = [
        op("update_trigger", trigger={"type": "event", "event": "order.placed"}),
        add_tag_node("first", position={"x": 280, "y": 168}),
        op("add_edge", edge={"id": "e1", "source": "trigger", "target": "first", "sourceHandle": "next"}),
        op("move_node", nodeId="first", position={"x": 300, "y": 170.5}),
        op("update_node", nodeId="first", data={"tag": "buyer"}, name="Tag the buyer"),
        op("set_goals", goals=[{"id": "g", "name": "Paid", "event": "order.paid"}]),
        op("set_settings", settings={"reentry": "always"}),
        op("add_note", note={"id": "n", "text": "Ask Rosa"}),
        op("update_note", noteId="n", text="Asked", width=240),
        op("rename", name="Orders", description="Everyone who buys"),
        op("set_priority", priority="bulk"),
    ]
    answer = await patch_draft(marketer, flow["id"], 1, *ops)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["rev"] == 2 and data["changed"] == ["trigger", "first"]
    assert data["applied"] == [sent["id"] for sent in ops]
    draft = await draft_of(marketer, flow["id"])
    assert draft["name"] == "Orders" and draft["description"] == "Everyone who buys"
    assert draft["priority"] == "bulk"
    assert draft["trigger"]["event"] == "order.placed"
    assert draft["nodes"] == [
        {
            "id": "first",
            "type": "add_tag",
            "name": "Tag the buyer",
            "position": {"x": 300, "y": 170.5},
            "data": {"tag": "buyer"},
        }
    ]
    assert draft["settings"] == {"reentry": "always"}
    assert draft["notes"][0]["text"] == "Asked" and draft["notes"][0]["width"] == 240
    assert draft["draftRev"] == 2 and draft["issues"] == data["issues"]


async def test_removing_a_node_takes_its_edges(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    answer = await patch_draft(marketer, flow["id"], 1, op("remove_node", nodeId="tag"))
    assert answer.status_code == 200
    draft = await draft_of(marketer, flow["id"])
    assert [node["id"] for node in draft["nodes"]] == ["end"] and draft["edges"] == []


async def test_null_clears_a_name_and_a_retry(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    await patch_draft(marketer, flow["id"], 1, op("update_node", nodeId="tag", name="X", retry={"maxAttempts": 5}))
    node = (await draft_of(marketer, flow["id"]))["nodes"][0]
    assert node["name"] == "X" and node["retry"]["attempts"] == 5
    assert node["retry"]["backoff"] == {"type": "exponential", "delay": 60_000, "maxDelay": 86_400_000, "jitter": True}
    await patch_draft(marketer, flow["id"], 2, op("update_node", nodeId="tag", name=None, retry=None))
    node = (await draft_of(marketer, flow["id"]))["nodes"][0]
    assert "name" not in node and "retry" not in node and node["data"] == {"tag": "new"}


@pytest.mark.parametrize(
    ("sent", "path", "words"),
    [
        (op("remove_node", nodeId="nobody"), "ops[1].nodeId", "nobody"),
        (op("move_node", nodeId="nobody", position={"x": 1, "y": 1}), "ops[1].nodeId", "nobody"),
        (op("remove_edge", edgeId="nothing"), "ops[1].edgeId", "nothing"),
        (add_tag_node("tag"), "ops[1].node.id", "already"),
        (add_tag_node("trigger"), "ops[1].node.id", "another"),
        (op("add_edge", edge={"source": "tag", "target": "ghost"}), "ops[1].edge.id", "already"),
        (op("add_edge", edge={"id": "x", "source": "tag", "target": "ghost"}), "ops[1].edge.target", "ghost"),
        (op("add_edge", edge={"id": "x", "source": "tag", "target": "end"}), "edges[2].sourceHandle", "two edges"),
        (op("add_node", node={"id": "q", "type": "teleport"}), "nodes[2].type", "teleport"),
        (op("fly"), "ops[1].kind", "fly"),
        (op("rename", name=" "), "ops[1].name", ""),
        (op("rename", name="a\0b"), "ops", "U+0000"),
        (op("update_node", nodeId="tag", data={"tag": "a\0b"}), "ops", "U+0000"),
        (op("add_node", node={"id": "d", "type": "delay", "data": {"duration": 400}}), "nodes[2].data.duration", "365"),
        ({"id": "a b", "kind": "rename", "name": "X"}, "ops[1].id", ""),
        (op("move_node", nodeId="tag", position={"x": "left", "y": 1}), "ops[1].position.x", "number"),
    ],
)
async def test_one_bad_op_and_nothing_is_saved(
    marketer: httpx.AsyncClient, sent: dict[str, Any], path: str, words: str
) -> None:
    flow = await created(marketer)
    before = await draft_of(marketer, flow["id"])
    answer = await patch_draft(marketer, flow["id"], 1, op("rename", name="Half saved"), sent)
    assert answer.status_code == 422, answer.text
    found = field_errors(answer)
    assert path in found and words in found[path], found
    assert await draft_of(marketer, flow["id"]) == before


async def test_a_circle_is_saved_and_cannot_be_activated(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    ops = [
        op("remove_edge", edgeId="e-tag-next"),
        add_tag_node("second"),
        op("add_edge", edge={"source": "tag", "target": "second"}),
        op("add_edge", edge={"source": "second", "target": "tag"}),
    ]
    answer = await patch_draft(marketer, flow["id"], 1, *ops)
    assert answer.status_code == 200, answer.text
    issues = {issue["path"]: issue for issue in (await draft_of(marketer, flow["id"]))["issues"]}
    assert "would go round in this circle for ever" in issues["edges[2]"]["message"]
    assert issues["edges[2]"]["severity"] == "error"


async def test_a_repeated_batch_is_applied_once(marketer: httpx.AsyncClient, db_session: AsyncSession) -> None:
    flow = await created(marketer)
    batch = [add_tag_node("more")]
    first = await patch_draft(marketer, flow["id"], 1, *batch)
    again = await patch_draft(marketer, flow["id"], 1, *batch)
    assert first.json() == again.json()
    assert len((await db_session.scalars(select(DraftChange))).all()) == 1


async def test_a_retry_that_brings_more_applies_only_the_new(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    first = add_tag_node("a")
    await patch_draft(marketer, flow["id"], 1, first)  # the answer was lost
    answer = await patch_draft(marketer, flow["id"], 1, first, op("update_node", nodeId="a", data={"tag": "b"}))
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["rev"] == 3
    assert (await draft_of(marketer, flow["id"]))["nodes"][2]["data"] == {"tag": "b"}


async def test_the_same_op_twice_in_a_batch_counts_once(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    twice = add_tag_node("a")
    answer = await patch_draft(marketer, flow["id"], 1, twice, twice)
    assert answer.json()["data"]["applied"] == [twice["id"]]
    assert len((await draft_of(marketer, flow["id"]))["nodes"]) == 3


async def test_work_on_other_steps_is_put_behind(marketer: httpx.AsyncClient, api: ApiClients) -> None:
    rosa = await api(Role.ADMIN)
    flow = await created(marketer)
    await patch_draft(rosa, flow["id"], 1, op("move_node", nodeId="end", position={"x": 9, "y": 9}), tab="rosa")
    answer = await patch_draft(marketer, flow["id"], 1, op("update_node", nodeId="tag", data={"tag": "x"}))
    assert answer.status_code == 200 and answer.json()["data"]["rev"] == 3
    draft = await draft_of(marketer, flow["id"])
    assert draft["nodes"][0]["data"] == {"tag": "x"} and draft["nodes"][1]["position"] == {"x": 9, "y": 9}


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        (
            op("move_node", nodeId="tag", position={"x": 1, "y": 1}),
            op("update_node", nodeId="tag", data={"tag": "mine"}),
        ),
        (op("remove_node", nodeId="end"), op("move_node", nodeId="end", position={"x": 1, "y": 1})),
        (op("remove_node", nodeId="end"), op("remove_edge", edgeId="e-tag-next")),
        (
            op("update_trigger", trigger={"type": "manual"}),
            op("update_trigger", trigger={"type": "event", "event": "x"}),
        ),
        (op("set_settings", settings={"reentry": "once"}), op("set_settings", settings={"reentry": "always"})),
        (op("rename", name="Theirs"), op("rename", name="Mine")),
        (op("set_priority", priority="bulk"), op("set_priority", priority="urgent")),
    ],
)
async def test_work_on_the_same_step_is_asked_about(
    marketer: httpx.AsyncClient, api: ApiClients, theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    rosa = await api(Role.ADMIN)
    flow = await created(marketer)
    assert (await patch_draft(rosa, flow["id"], 1, theirs, tab="rosa")).status_code == 200
    before = await draft_of(marketer, flow["id"])
    answer = await patch_draft(marketer, flow["id"], 1, mine)
    assert answer.status_code == 409, answer.text
    body = answer.json()
    assert body["code"] == "draft_conflict"
    assert body["conflict"]["rev"] == 2 and body["conflict"]["by"] and body["conflict"]["at"]
    assert [sent["id"] for sent in body["conflict"]["ops"]] == [theirs["id"]]
    assert await draft_of(marketer, flow["id"]) == before


async def test_two_edges_that_close_a_circle_together_are_both_kept(
    marketer: httpx.AsyncClient, api: ApiClients
) -> None:
    rosa = await api(Role.ADMIN)
    flow = await created(marketer)
    setup = [op("remove_edge", edgeId="e-tag-next"), add_tag_node("a"), add_tag_node("b")]
    await patch_draft(marketer, flow["id"], 1, *setup)
    await patch_draft(rosa, flow["id"], 2, op("add_edge", edge={"source": "a", "target": "b"}), tab="rosa")
    answer = await patch_draft(marketer, flow["id"], 2, op("add_edge", edge={"source": "b", "target": "a"}))
    assert answer.status_code == 200, answer.text
    assert any("for ever" in issue["message"] for issue in (await draft_of(marketer, flow["id"]))["issues"])


async def test_a_draft_replaced_by_a_program_conflicts_with_every_edit(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    replaced = await marketer.patch(f"{PATH}/{flow['id']}", json={"notes": [{"id": "n"}]})
    assert replaced.status_code == 200 and replaced.json()["data"]["draftRev"] == 2, replaced.text
    answer = await patch_draft(marketer, flow["id"], 1, op("move_node", nodeId="end", position={"x": 1, "y": 1}))
    assert answer.status_code == 409
    assert answer.json()["conflict"]["ops"][0]["kind"] == "replace"


@pytest.mark.parametrize("rev", [2, 99])
async def test_a_revision_from_the_future_is_a_conflict(marketer: httpx.AsyncClient, rev: int) -> None:
    flow = await created(marketer)
    assert (await patch_draft(marketer, flow["id"], rev, op("rename", name="X"))).status_code == 409


async def test_a_revision_must_be_named(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    body = {"client": "tab", "ops": [op("rename", name="X")]}
    missing = await marketer.patch(f"{PATH}/{flow['id']}/draft", json=body)
    assert missing.status_code == 428 and missing.json()["code"] == "revision_missing"
    wrong = await marketer.patch(f"{PATH}/{flow['id']}/draft", json=body, headers={"If-Match": '"latest"'})
    assert wrong.status_code == 400 and "latest" in wrong.json()["detail"]


async def test_old_faults_do_not_lock_a_draft(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    template = await make_template(db_session, workspace)
    nodes = [{"id": "mail", "type": "send_email", "data": {"templateId": str(template.id)}}]
    flow = await created(marketer, {"name": "Mail", "nodes": nodes})
    await db_session.delete(template)
    await db_session.flush()
    answer = await patch_draft(marketer, flow["id"], 1, op("move_node", nodeId="mail", position={"x": 5, "y": 5}))
    assert answer.status_code == 200
    issues = {issue["path"]: issue for issue in answer.json()["data"]["issues"]}
    assert issues["nodes[0].data.templateId"]["nodeId"] == "mail"
    assert issues["nodes[0].data.templateId"]["severity"] == "error"


async def test_an_archived_workflow_is_read_only(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    flow = await created(admin)
    await admin.post(f"{PATH}/{flow['id']}/archive")
    answer = await patch_draft(admin, flow["id"], 1, op("rename", name="X"))
    assert answer.status_code == 409 and answer.json()["code"] == "workflow_archived"


async def test_not_yours(api: ApiClients, other_workspace: Workspace, db_session: AsyncSession) -> None:
    flow = await created(await api(Role.MARKETER))
    stranger = await api(Role.OWNER, other_workspace)
    assert (await patch_draft(stranger, flow["id"], 1, op("rename", name="X"))).status_code == 404
    assert (await patch_draft(await api(Role.VIEWER), flow["id"], 1, op("rename", name="X"))).status_code == 403
    assert (await patch_draft(stranger, str(uuid4()), 1, op("rename", name="X"))).status_code == 404
    assert (await db_session.scalars(select(Workflow.name))).all() == ["Tag newcomers"]


async def test_the_log_of_changes_is_kept_short(marketer: httpx.AsyncClient, db_session: AsyncSession) -> None:
    from app.workflows import drafts

    flow = await created(marketer)
    for rev in range(1, 25):
        await patch_draft(marketer, flow["id"], rev, op("rename", name=f"Name {rev}"))
    revs = (await db_session.scalars(select(DraftChange.rev).order_by(DraftChange.rev))).all()
    assert revs[-1] == 25 and len(revs) <= drafts.KEPT_CHANGES


async def test_a_refusal_names_the_step(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    bad = op("add_node", node={"id": "late", "type": "delay", "data": {"duration": 400}})
    (error,) = (await patch_draft(marketer, flow["id"], 1, bad)).json()["errors"]
    assert error["nodeId"] == "late"


async def test_concurrent_edits_lose_nothing(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    """Twenty tabs edit the same draft at once, each its own step, all on the revision they loaded."""
    async with database.transaction() as session:
        home = await make_workspace(session, "Busy")
        key = await make_key(session, home, Role.MARKETER)
    committed_client.headers["Authorization"] = f"Bearer {key}"
    nodes = [{"id": f"n{number}", "type": "add_tag", "data": {"tag": "before"}} for number in range(20)]
    flow = await created(committed_client, {"name": "Busy", "nodes": nodes})
    answers = await asyncio.gather(
        *(
            patch_draft(
                committed_client,
                flow["id"],
                1,
                op("update_node", nodeId=f"n{number}", data={"tag": f"after {number}"}),
                tab=f"tab-{number}",
            )
            for number in range(20)
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 20
    draft = await draft_of(committed_client, flow["id"])
    assert draft["draftRev"] == 21
    assert [node["data"]["tag"] for node in draft["nodes"]] == [f"after {number}" for number in range(20)]
    assert sorted(answer.json()["data"]["rev"] for answer in answers) == list(range(2, 22))


async def test_of_two_edits_of_one_step_at_once_one_is_asked(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        home = await make_workspace(session, "Busy")
        key = await make_key(session, home, Role.MARKETER)
    committed_client.headers["Authorization"] = f"Bearer {key}"
    flow = await created(committed_client)
    both = await asyncio.gather(
        *(
            patch_draft(committed_client, flow["id"], 1, op("update_node", nodeId="tag", data={"tag": tab}), tab=tab)
            for tab in ("rosa", "ben")
        )
    )
    assert sorted(answer.status_code for answer in both) == [200, 409]
    assert (await draft_of(committed_client, flow["id"]))["draftRev"] == 2
