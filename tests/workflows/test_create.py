"""POST /api/v1/workflows."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Workflow, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import ONBOARDING, PATH, created, field_errors, make_template, onboarding, tagging


async def test_the_contracts_body_is_taken_to_the_letter(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    client = await api(Role.MARKETER)
    body = onboarding(await make_template(db_session, workspace))
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["success"] is True
    data = answer.json()["data"]
    assert data["name"] == "New User Onboarding" and data["description"] == "Welcome sequence for new signups"
    assert data["status"] == "draft" and data["version"] == 1 and data["draftRev"] == 1
    assert data["liveVersion"] is None and data["hasUnpublishedChanges"] is True
    assert [node["data"] for node in data["nodes"]] == [node["data"] for node in body["nodes"]]
    assert data["nodes"][0]["position"] == {"x": 100, "y": 100}
    assert data["edges"][0] == {
        "id": "e-trigger-next",
        "source": "trigger",
        "target": "node-1",
        "sourceHandle": "next",
    }
    assert data["goals"][0]["conditions"] == body["goals"][0]["conditions"]
    assert data["settings"] == {"reentry": "after_exit"}
    assert data["stats"]["totalRuns"] == 0
    assert [issue for issue in data["issues"] if issue["severity"] == "error"] == []


async def test_not_a_letter_of_the_contracts_example_is_changed(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    """With the very template that it names; it is saved, told that opens are not reported, and may be activated."""
    template = await make_template(db_session, workspace, id=UUID("550e8400-e29b-41d4-a716-446655440001"))
    admin = await api(Role.ADMIN)
    answer = await admin.post(PATH, json=ONBOARDING)
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert data["nodes"] == ONBOARDING["nodes"] and data["nodes"][0]["data"]["templateId"] == str(template.id)
    assert {issue["severity"] for issue in data["issues"]} == {"warning"}
    assert any("Nothing reports opens yet" in issue["message"] for issue in data["issues"])
    assert (await admin.post(f"{PATH}/{data['id']}/activate")).json()["data"]["status"] == "active"


async def test_a_template_that_does_not_exist_is_named(api: ApiClients, db_session: AsyncSession) -> None:
    answer = await (await api(Role.MARKETER)).post(PATH, json=onboarding())
    assert answer.status_code == 422
    assert list(field_errors(answer)) == ["nodes[0].data.templateId"]
    assert await db_session.scalar(select(func.count()).select_from(Workflow)) == 0


async def test_a_template_of_another_workspace_does_not_exist(
    api: ApiClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    theirs = await make_template(db_session, other_workspace)
    answer = await (await api(Role.MARKETER)).post(PATH, json=onboarding(theirs))
    assert list(field_errors(answer)) == ["nodes[0].data.templateId"]


async def test_a_name_is_enough(api: ApiClients) -> None:
    data = await created(await api(Role.MARKETER), {"name": "  Later  "})
    assert data["name"] == "Later" and data["nodes"] == [] and data["edges"] == []
    assert {issue["path"] for issue in data["issues"]} == {"trigger", "trigger.event"}


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"name": ""}, "name", "at least 1 char"),
        ({"name": 7}, "name", "text, not a whole number"),
        ({"name": "   "}, "name", ""),
        ({"name": "x" * 256}, "name", ""),
        ({"nmae": 1}, "nmae", "Did you mean `name`?"),
        ({"trigger": {"type": "cron"}}, "trigger.type", "event, manual"),
        ({"nodes": [{"id": "a b", "type": "end"}]}, "nodes[0].id", ""),
        ({"nodes": [{"id": "tag", "type": "add_tga", "data": {}}]}, "nodes[0].type", "add_tag"),
        ({"nodes": [{"id": "trigger", "type": "end"}]}, "nodes[0].id", "another one"),
        ({"edges": [{"source": "trigger", "target": "nobody"}]}, "edges[0].target", "nobody"),
        ({"edges": [{"source": "nobody", "target": "tag"}]}, "edges[0].source", "nobody"),
        ({"edges": [{"source": "tag", "target": "trigger"}]}, "edges[0].target", "trigger"),
        ({"edges": [{"source": "tag", "target": "end", "sourceHandle": "yes"}]}, "edges[0].sourceHandle", "`next`"),
        ({"edges": [{"source": "end", "target": "tag"}]}, "edges[0].sourceHandle", "ends the run"),
        ({"settings": {"reentry": "sometimes"}}, "settings.reentry", "sometimes"),
        ({"settings": {"entryKey": "order_id"}}, "settings.entryKey", "event.order_id"),
        ({"settings": {"uncertain": {"then": "drop"}}}, "settings.uncertain.then", "drop"),
        (
            {"settings": {"uncertain": {"then": "error", "after": {"duration": 0}}}},
            "settings.uncertain.after.duration",
            "at least 1",
        ),
        (
            {"settings": {"uncertain": {"then": "error", "after": {"duration": 31, "unit": "days"}}}},
            "settings.uncertain.after.duration",
            "30 days",
        ),
        (
            {"settings": {"uncertain": {"then": "error", "after": {"duration": 721}}}},
            "settings.uncertain.after.duration",
            "30 days",
        ),
        ({"goals": [{"id": "g", "name": "a\u0000b", "event": "x"}]}, "goals[0].name", "zero"),
    ],
)
async def test_faults_are_named_and_nothing_is_saved(
    api: ApiClients, db_session: AsyncSession, change: dict[str, Any], path: str, words: str
) -> None:
    answer = await (await api(Role.MARKETER)).post(PATH, json=tagging(**change))
    assert answer.status_code == 422, answer.text
    found = field_errors(answer)
    assert path in found, found
    assert words in found[path]
    assert await db_session.scalar(select(func.count()).select_from(Workflow)) == 0


async def test_a_rule_for_uncertain_emails_needs_a_time_before_it_goes_live(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    data = await created(client, tagging(settings={"uncertain": {"then": "assume_sent"}}))
    assert {issue["path"] for issue in data["issues"]} == {"settings.uncertain.after"}
    rule = {"then": "assume_sent", "after": {"duration": 45, "unit": "minutes"}}
    data = await created(client, tagging(settings={"uncertain": rule}))
    assert data["settings"] == {"reentry": "after_exit", "uncertain": rule} and data["issues"] == []


async def test_a_circle_needs_a_wait_or_a_limit_before_it_goes_live(api: ApiClients) -> None:
    body = tagging(
        nodes=[{"id": name, "type": "add_tag", "data": {"tag": name}} for name in "abc"],
        edges=[
            {"source": source, "target": target}
            for source, target in (("trigger", "a"), ("a", "b"), ("b", "c"), ("c", "a"))
        ],
    )
    client = await api(Role.MARKETER)
    (issue,) = (await created(client, body))["issues"]
    assert issue["path"] == "edges[3]" and "→" in issue["message"] and issue["severity"] == "error"
    body["nodes"][1] = {"id": "b", "type": "delay", "data": {"duration": 1, "unit": "hours"}}
    assert (await created(client, body))["issues"] == []


async def test_at_most_a_hundred_nodes(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    nodes = [{"id": f"n{number}", "type": "end"} for number in range(101)]
    answer = await client.post(PATH, json=tagging(nodes=nodes, edges=[]))
    assert "at most 100 steps" in field_errors(answer)["nodes"]
    assert (await client.post(PATH, json=tagging(nodes=nodes[:100], edges=[]))).status_code == 201


async def test_every_fault_is_listed_at_once(api: ApiClients) -> None:
    body = tagging(
        nodes=[{"id": "a", "type": "nothing"}, {"id": "a", "type": "end"}],
        edges=[{"source": "a", "target": "b"}, {"source": "x", "target": "a"}],
    )
    found = field_errors(await (await api(Role.MARKETER)).post(PATH, json=body))
    assert {"nodes[0].type", "nodes[0].id", "nodes[1].id", "edges[0].target", "edges[1].source"} <= set(found)


async def test_broken_json_is_said_so(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    answer = await client.post(PATH, content=b'{"name": ', headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["success"] is False


async def test_viewers_and_strangers_may_not(api: ApiClients, client: Any) -> None:
    assert (await (await api(Role.VIEWER)).post(PATH, json=tagging())).status_code == 403
    assert (await client.post(PATH, json=tagging())).status_code == 401


async def test_ids_of_the_client_are_kept(api: ApiClients) -> None:
    edge_id = str(uuid4())
    body = tagging(edges=[{"id": edge_id, "source": "trigger", "target": "tag"}])
    data = await created(await api(Role.MARKETER), body)
    assert data["edges"][0]["id"] == edge_id


@pytest.mark.parametrize("levels", [30, 5_000, 90_000])
async def test_nesting_has_an_end(api: ApiClients, levels: int) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    body = '{"name": "Deep", "nodes": [{"id": "n", "type": "add_tag", "data": {"tag": ' + deep + "}}]}"
    headers = {"Content-Type": "application/json"}
    answer = await (await api(Role.MARKETER)).post(PATH, content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text[:300]
    assert answer.json()["success"] is False


async def test_a_configuration_has_a_size(api: ApiClients) -> None:
    nodes = [{"id": "n", "type": "add_tag", "data": {"tag": "x" * 70_000}}]
    answer = await (await api(Role.MARKETER)).post(PATH, json={"name": "Large", "nodes": nodes})
    assert answer.status_code == 422 and "nodes[0].data" in field_errors(answer)


def _places(data: dict[str, Any]) -> dict[str, tuple[float, float]]:
    trigger = data["triggers"][0]
    return {card["id"]: (card["position"]["x"], card["position"]["y"]) for card in (trigger, *data["nodes"])}


async def test_what_a_program_does_not_place_is_placed_and_what_it_places_stays(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    steps = [{"id": f"s{number}", "type": "end"} for number in range(2)]
    ask = {"id": "ask", "type": "condition", "data": {"conditions": []}}
    edges = [
        {"source": "trigger", "target": "ask"},
        {"source": "ask", "target": "s0", "sourceHandle": "true"},
        {"source": "ask", "target": "s1", "sourceHandle": "false"},
    ]
    body = {"name": "Drawn", "trigger": {"event": "go"}, "nodes": [ask, *steps], "edges": edges}
    data = (await client.post(PATH, json=body)).json()["data"]
    drawn = _places(data)
    assert drawn == {"trigger": (0, 0), "ask": (0, 168), "s0": (-144, 336), "s1": (144, 336)}
    moved = [{**ask, "position": {"x": 0, "y": 0}}, *steps, {"id": "s2", "type": "end"}]
    rev = {"If-Match": str(data["draftRev"])}
    answer = await client.patch(f"{PATH}/{data['id']}", json={"nodes": moved}, headers=rev)
    assert answer.status_code == 200, answer.text
    replaced = _places(answer.json()["data"])
    assert replaced["ask"] == (0, 0), "a place at the origin is one"
    assert {name: replaced[name] for name in ("trigger", "s0", "s1")} == {
        name: drawn[name] for name in ("trigger", "s0", "s1")
    }
    assert len(set(replaced.values()) - {(0, 0)}) == 3
    clone = (await client.post(f"{PATH}/{data['id']}/duplicate", json={})).json()["data"]
    assert _places(clone) == replaced
