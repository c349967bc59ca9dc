"""Shapes that other programs send: an editor's own fields on nodes and edges, and retry rules in both forms."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from app.flow.node_type import NodeType
from app.flow.retry import Retry
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors, op, patch_draft

REACT_FLOW: dict[str, Any] = {
    "name": "Drawn elsewhere",
    "trigger": {"type": "event", "event": "signed_up"},
    "nodes": [
        {
            "id": "tag",
            "type": "add_tag",
            "position": {"x": 10.5, "y": 20},
            "data": {"tag": "new"},
            "measured": {"width": 180, "height": 40},
            "width": 180,
            "height": 40,
            "selected": True,
            "dragging": False,
            "positionAbsolute": {"x": 10.5, "y": 20},
            "sourcePosition": "bottom",
            "targetPosition": "top",
            "parentId": "group",
            "extent": "parent",
            "zIndex": 3,
            "style": {"color": "red"},
        },
        {"id": "end", "type": "end", "position": {"x": 0, "y": 0}, "data": {}, "deletable": True, "ariaLabel": "End"},
    ],
    "edges": [
        {"source": "trigger", "target": "tag", "sourceHandle": None, "targetHandle": None, "animated": True},
        {
            "id": "xy-edge__tag-end",
            "source": "tag",
            "target": "end",
            "targetHandle": "top-left",
            "type": "smoothstep",
            "label": "then",
            "style": {"stroke": "red"},
            "markerEnd": {"type": "arrowclosed"},
            "data": {"weight": 2},
            "selected": False,
        },
    ],
    "viewport": {"x": 0, "y": 0, "zoom": 1.5},
}
CANONICAL = {"attempts": 4, "backoff": {"type": "fixed", "delay": 250, "maxDelay": 9_000, "jitter": False}}


async def test_an_editors_state_is_taken_without_its_looks(api: ApiClients) -> None:
    flow = await created(await api(Role.MARKETER), REACT_FLOW)
    first, last = flow["nodes"]
    assert first == {"id": "tag", "type": "add_tag", "position": {"x": 10.5, "y": 20}, "data": {"tag": "new"}}
    assert set(last) == {"id", "type", "position", "data"}
    assert flow["edges"] == [
        {"source": "trigger", "target": "tag", "sourceHandle": "next", "id": "e-trigger-next"},
        {"source": "tag", "target": "end", "sourceHandle": "next", "id": "xy-edge__tag-end"},
    ]
    assert "viewport" not in flow


async def test_the_canvas_and_patch_take_them_too(api: ApiClients) -> None:
    client = await api(Role.MARKETER)
    flow = await created(client, REACT_FLOW)
    moved = {"id": "more", "type": "end", "dragging": True, "measured": {"width": 1}}
    assert (await patch_draft(client, flow["id"], 1, op("add_node", node=moved))).status_code == 200
    edges = [{**edge, "animated": True, "interactionWidth": 20} for edge in flow["edges"]]
    answer = await client.patch(f"{PATH}/{flow['id']}", json={"edges": edges, "viewport": {"x": 1}})
    assert answer.status_code == 200, answer.text
    draft = (await client.get(f"{PATH}/{flow['id']}")).json()["data"]
    assert draft["edges"] == flow["edges"]
    assert next(node for node in draft["nodes"] if node["id"] == "more").keys() == {"id", "type", "position", "data"}


@pytest.mark.parametrize(
    ("part", "field"), [("nodes", "mesured"), ("nodes", "targetHandle"), ("edges", "sourceHandel"), ("edges", "width")]
)
async def test_other_unknown_fields_are_still_refused(api: ApiClients, part: str, field: str) -> None:
    body = {**REACT_FLOW, part: [{**REACT_FLOW[part][0], field: 1}]}
    answer = await (await api(Role.MARKETER)).post(PATH, json=body)
    assert answer.status_code == 422
    assert f"{part}[0].{field}" in field_errors(answer)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"attempts": 3, "backoff": {"type": "exponential", "delay": 2000}},
            {
                "attempts": 3,
                "backoff": {"type": "exponential", "delay": 2000, "maxDelay": 86_400_000, "jitter": True},
            },
        ),
        (CANONICAL, CANONICAL),
        (
            {"maxAttempts": 7, "backoff": "fixed", "delaySeconds": 90, "jitter": False},
            {"attempts": 7, "backoff": {"type": "fixed", "delay": 90_000, "maxDelay": 86_400_000, "jitter": False}},
        ),
        (
            {"attempts": 2, "backoff": "fixed"},
            {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "maxDelay": 86_400_000, "jitter": True}},
        ),
    ],
)
async def test_retry_rules_are_kept_in_one_form(api: ApiClients, given: dict[str, Any], kept: dict[str, Any]) -> None:
    client = await api(Role.MARKETER)
    nodes = [{"id": "tag", "type": "add_tag", "data": {"tag": "new"}, "retry": given}]
    flow = await created(client, {"name": "Tries", "nodes": nodes, "settings": {"retry": given}})
    assert flow["nodes"][0]["retry"] == flow["settings"]["retry"] == kept
    again = await client.patch(f"{PATH}/{flow['id']}", json={"nodes": flow["nodes"]})
    assert again.json()["data"]["nodes"][0]["retry"] == kept and again.json()["data"]["draftRev"] == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"attempts": 0}, "nodes[0].retry.attempts"),
        ({"attempts": 2, "backoff": {"type": "linear"}}, "nodes[0].retry.backoff.type"),
        ({"attempts": 2, "backoff": {"type": "fixed", "wait": 5}}, "nodes[0].retry.backoff.wait"),
        ({"maxAttempts": 2, "attempts": 4}, "nodes[0].retry"),
        ({"delaySeconds": 5, "backoff": {"type": "fixed", "delay": 7}}, "nodes[0].retry"),
    ],
)
async def test_a_retry_rule_that_does_not_fit_is_named(api: ApiClients, given: dict[str, Any], path: str) -> None:
    nodes = [{"id": "tag", "type": "add_tag", "data": {"tag": "new"}, "retry": given}]
    client = await api(Role.MARKETER)
    answer: httpx.Response = await client.post(PATH, json={"name": "Tries", "nodes": nodes})
    assert answer.status_code == 422 and list(field_errors(answer)) == [path]
    answer = await client.post(PATH, json={"name": "Tries", "settings": {"retry": given}})
    assert answer.status_code == 422 and list(field_errors(answer)) == [path.replace("nodes[0]", "settings")]


def rule_of(given: dict[str, Any]) -> Retry:
    return msgspec.convert(given, Retry)


def test_the_engine_waits_as_the_rule_says() -> None:
    short = rule_of({"attempts": 9, "backoff": {"type": "exponential", "delay": 250, "maxDelay": 900, "jitter": False}})
    assert (short.attempts, [short.pause(attempt, 0.5) for attempt in (1, 2, 3, 8)]) == (9, [0.25, 0.5, 0.9, 0.9])
    older = rule_of({"maxAttempts": 2, "backoff": "fixed", "delaySeconds": 30, "jitter": True})
    assert (older.attempts, older.pause(5, 0.0), older.pause(5, 1.0)) == (2, 15.0, 30.0)
    assert NodeType.default_retry.attempts == 1
