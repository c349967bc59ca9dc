"""How many steps a workflow may have: what the operator set, at every door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.models.status import Role
from app.settings import settings
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors, op, patch_draft, tagging


async def test_the_operator_says_how_many_steps_a_workflow_may_have_and_each_door_says_the_same(
    api: ApiClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await api(Role.MARKETER)
    nodes = [{"id": f"n{number}", "type": "end"} for number in range(500)]
    allowed = replace(settings(), ceilings=replace(settings().ceilings, steps_a_workflow=500))
    monkeypatch.setattr("app.flow.document.settings", lambda: allowed)
    flow = await created(client, tagging(nodes=nodes, edges=[]))
    assert len(flow["nodes"]) == 500
    words = "A workflow has at most 500 steps; this one has 501. Split it in two."
    more = [*nodes, {"id": "more", "type": "end"}]
    assert field_errors(await client.post(PATH, json=tagging(nodes=more, edges=[])))["nodes"] == words
    edited = await client.patch(f"{PATH}/{flow['id']}", json={"nodes": more, "edges": []}, headers={"If-Match": '"1"'})
    assert edited.status_code == 422 and words in edited.text, edited.text
    drawn = await patch_draft(client, flow["id"], 1, op("add_node", node=more[-1]))
    assert drawn.status_code == 422 and words in drawn.text
    file = {"workflow": {"name": "Large", "nodes": more, "edges": []}}
    assert words in (await (await api(Role.OWNER)).post("/api/v1/workflows/import", json=file)).text


async def test_above_a_limit_that_was_lowered_a_draft_can_be_made_smaller_and_not_larger(
    api: ApiClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client, tagging(nodes=[{"id": f"n{number}", "type": "end"} for number in range(9)], edges=[]))
    allowed = replace(settings(), ceilings=replace(settings().ceilings, steps_a_workflow=5))
    monkeypatch.setattr("app.flow.document.settings", lambda: allowed)
    added = await patch_draft(client, flow["id"], 1, op("add_node", node={"id": "more", "type": "end"}))
    assert added.status_code == 422 and "at most 5 steps; this one has 10" in added.text
    for number in range(3):
        removed = await patch_draft(client, flow["id"], 1 + number, op("remove_node", nodeId=f"n{number}"))
        assert removed.status_code == 200, removed.text
    moved = await patch_draft(client, flow["id"], 4, op("move_node", nodeId="n8", position={"x": 8, "y": 8}))
    assert moved.status_code == 200, moved.text
