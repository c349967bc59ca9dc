"""A workflow as a file: what travels, what is made, what is used, what is left to choose, and what is refused with nothing made."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Segment, Template, Workflow, Workspace
from app.models.status import Role
from app.workflow_files.places import ids_in, replaced
from tests.fixtures.people import ApiClients, BrowserClients

API = "/api/v1"
TEMPLATE = {"name": "Hello", "subject": "Hi", "html": "<p>Hi</p>", "text": "Hi", "channel": "email", "content": {}}
AN_ID = "01900000-0000-7000-8000-000000000001"
RULE = {"match": "all", "conditions": [{"field": "contact.attributes.plan", "operator": "equals", "value": "pro"}]}


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await client.post(f"{API}{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()["data"]


def segment_condition(segment: str) -> dict[str, Any]:
    return {"field": "segment", "operator": "in", "value": [segment]}


async def full(client: httpx.AsyncClient) -> str:
    """A workflow that names a row of every kind, one of them by a condition inside the rule of another."""
    template = await made(client, "/templates", TEMPLATE)
    smtp = {"name": "Mail", "type": "smtp", "config": {"host": "mail.example", "fromEmail": "us@example.com"}}
    connector = await made(client, "/connectors", smtp)
    inner = await made(client, "/segments", {"name": "Pros", "kind": "dynamic", "rule": RULE})
    rule = {"match": "all", "conditions": [segment_condition(inner["id"])]}
    outer = await made(client, "/segments", {"name": "Pros again", "kind": "dynamic", "rule": rule})
    called = await made(client, "/workflows", {"name": "Called"})
    workflow = {
        "name": "Full",
        "triggers": [{"id": "in", "type": "segment_entry", "data": {"segmentId": outer["id"]}}],
        "nodes": [
            {
                "id": "mail",
                "type": "send_email",
                "data": {"templateId": template["id"], "connectorId": connector["id"]},
            },
            {"id": "call", "type": "sub_workflow", "data": {"workflowId": called["id"]}},
        ],
        "edges": [{"source": "in", "target": "mail"}, {"source": "mail", "target": "call"}],
    }
    return str((await made(client, "/workflows", workflow))["id"])


async def exported(client: httpx.AsyncClient, workflow: str) -> dict[str, Any]:
    answer = await client.get(f"{API}/workflows/{workflow}/export")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


async def counted(session: AsyncSession) -> list[int]:
    return [
        await session.scalar(select(func.count()).select_from(model)) or 0 for model in (Workflow, Template, Segment)
    ]


async def test_all_that_it_names_travels_but_settings_of_connectors(api: ApiClients) -> None:
    owner = await api(Role.OWNER)
    file = await exported(await api(Role.MARKETER), await full(owner))
    names = {part: sorted(used["name"] for used in rows.values()) for part, rows in file["uses"].items()}
    assert names == {
        "templates": ["Hello"], "segments": ["Pros", "Pros again"], "connectors": ["Mail"], "workflows": ["Called"],
    }  # fmt: skip
    assert "mail.example" not in str(file), "settings of connectors stay where they are"


async def test_a_file_is_the_same_workflow_in_the_next_workspace(api: ApiClients, other_workspace: Workspace) -> None:
    file = await exported(owner := await api(Role.OWNER), await full(owner))
    other = await api(Role.OWNER, other_workspace)
    imported = await made(other, "/workflows/import", file)
    assert sorted(imported["created"]) == ["segment “Pros again”", "segment “Pros”", "template “Hello”"]
    missing = {(one["kind"], one["nodeId"]) for one in imported["toChoose"]}
    assert missing == {("connector", "mail"), ("workflow", "call")}
    again = await exported(other, imported["id"])
    assert list(again["uses"]["templates"].values()) == [TEMPLATE]
    assert not set(ids_in(again)) & set(ids_in(file)), "no id of the other workspace is left"
    words = {one["name"]: one for one in again["uses"]["segments"].values()}
    assert words["Pros"]["rule"] == RULE
    (inner,) = [key for key, one in again["uses"]["segments"].items() if one["name"] == "Pros"]
    assert words["Pros again"]["rule"]["conditions"] == [segment_condition(inner)]
    steps = {node["id"]: node["data"] for node in again["workflow"]["nodes"]}
    assert "connectorId" not in steps["mail"] and steps["mail"]["templateId"] in again["uses"]["templates"]


async def test_what_is_here_is_used_and_a_name_that_is_taken_is_numbered(
    api: ApiClients, db_session: AsyncSession
) -> None:
    file = await exported(owner := await api(Role.OWNER), await full(owner))
    before = await counted(db_session)
    again = await made(owner, "/workflows/import", file)
    assert again["created"] == [] and again["toChoose"] == []
    assert await counted(db_session) == [before[0] + 1, *before[1:]]
    (key,) = file["uses"]["templates"]
    file["uses"]["templates"][key]["subject"] = "Another subject"
    other = await made(owner, "/workflows/import", file)
    assert other["created"] == ["template “Hello (2)”"], "what others use is not changed by an import"
    third = await made(owner, "/workflows/import", file)
    assert third["created"] == ["template “Hello (3)”"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nodes": "none"}, "workflow.nodes"),
        ({"edges": [{"source": "a", "target": "b"}]}, "edges"),
        ({"name": ""}, "workflow.name"),
        ({"surprise": 1}, "surprise"),
        ({"nodes": [{"id": "a", "type": "add_tag", "data": {"tagg": "x"}}]}, "tagg"),
    ],
)
async def test_what_is_no_workflow_is_refused_and_nothing_is_made(
    api: ApiClients, db_session: AsyncSession, change: dict[str, Any], words: str
) -> None:
    owner = await api(Role.OWNER)
    before = await counted(db_session)
    file = {"workflow": {"name": "Bad", **change}, "uses": {"templates": {"template:t": TEMPLATE}}}
    answer = await owner.post(f"{API}/workflows/import", json=file)
    assert answer.status_code == 422 and words in answer.text, answer.text
    assert await counted(db_session) == before


async def test_only_what_names_a_row_becomes_one(api: ApiClients) -> None:
    """Texts that look like a key stay in names, in ids and in notes; `template` alone is a tag like another."""
    owner = await api(Role.OWNER)
    file = {
        "workflow": {
            "name": "template:hello",
            "description": "template:hello",
            "nodes": [
                {
                    "id": "mail",
                    "type": "send_email",
                    "name": "template:hello",
                    "data": {"templateId": "template:hello"},
                },
                {"id": "tag", "type": "add_tag", "data": {"tag": "mail"}},
                {"id": AN_ID, "type": "end", "data": {}},
            ],
            "edges": [{"source": "mail", "target": "tag"}, {"source": "tag", "target": AN_ID}],
            "notes": [{"id": "n", "text": "template:hello"}],
        },
        "uses": {"templates": {"template:hello": TEMPLATE}, "workflows": {AN_ID: {"name": "Nowhere"}}},
    }
    imported = await made(owner, "/workflows/import", file)
    assert imported["toChoose"] == [] and imported["name"] == "template:hello"
    again = (await exported(owner, imported["id"]))["workflow"]
    assert [node["id"] for node in again["nodes"]] == ["mail", "tag", AN_ID]
    assert (again["description"], again["notes"][0]["text"]) == ("template:hello", "template:hello")
    assert again["nodes"][0]["name"] == "template:hello" and again["nodes"][1]["data"] == {"tag": "mail"}
    assert again["nodes"][0]["data"]["templateId"] != "template:hello"


async def test_cards_without_a_place_are_laid_out(api: ApiClients) -> None:
    owner = await api(Role.OWNER)
    nodes = [{"id": f"n{number}", "type": "add_tag", "data": {"tag": "x"}} for number in range(3)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(2)]
    imported = await made(owner, "/workflows/import", {"workflow": {"name": "Plain", "nodes": nodes, "edges": edges}})
    places = [node["position"] for node in (await exported(owner, imported["id"]))["workflow"]["nodes"]]
    assert len({place["y"] for place in places}) == 3 and len({place["x"] for place in places}) == 1


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        ({"nodes": [{"id": f"n{number}", "type": "end"} for number in range(20_000)]}, "at most 100 steps"),
        ({"edges": [{"source": "a", "target": f"n{number}"} for number in range(20_000)]}, "at most 1,000 lines"),
        ({"description": "x" * 4_000_000}, "at most 4,000,000"),
        ({"nodes": [{"id": "a", "type": "end", "data": msgspec.json.decode("[" * 60 + "]" * 60)}]}, "40 levels"),
    ],
    ids=["steps", "edges", "bytes", "depth"],
)
async def test_a_file_has_its_limits_on_both_doors_and_they_are_said(
    api: ApiClients, browser: BrowserClients, monkeypatch: pytest.MonkeyPatch, workflow: dict[str, Any], words: str
) -> None:
    """Refused before anything is drawn or made, whose work grows with the file."""
    monkeypatch.setattr("app.workflows.drafts.placed", None)
    file = {"workflow": {"name": "Large", **workflow}}
    answer = await (await api(Role.OWNER)).post(f"{API}/workflows/import", json=file)
    assert answer.status_code == 422 and words in answer.text, answer.text[:500]
    upload = {"file": ("large.json", msgspec.json.encode(file))}
    answer = await (await browser(Role.MARKETER)).post("/workflows/import", data={"text": ""}, files=upload)
    assert answer.status_code == 422 and words in answer.text, answer.text[:500]


async def test_what_is_no_text_is_refused_instead_of_read_as_another(browser: BrowserClients) -> None:
    content = '{"workflow": {"name": "Grüße"}}'
    marketer = await browser(Role.MARKETER)
    for encoding, status in (("latin-1", 422), ("utf-8-sig", 200)):
        upload = {"file": ("file.json", content.encode(encoding))}
        answer = await marketer.post("/workflows/import", data={"text": ""}, files=upload)
        assert answer.status_code in (status, 303) and answer.status_code >= status, encoding


@pytest.mark.parametrize(
    ("uses", "words"),
    [
        ({"templates": {"template:t": {**TEMPLATE, "html": "{{ contact.first_name"}}}, "uses.templates.template:t"),
        ({"templates": {"template:t": {**TEMPLATE, "channel": "pigeon"}}}, "pigeon"),
        ({"segments": {"segment:s": {"name": "S", "kind": "dynamic", "rule": {**RULE, "conditions": [{"field": "x"}]}}}}, "segments"),
        ({"templates": {"mail": TEMPLATE}}, "“template:mail”"),
        ({"templates": {"segment:mail": TEMPLATE}}, "“template:mail”"),
        ({"templates": {AN_ID: TEMPLATE}, "workflows": {AN_ID: {"name": "T"}}}, "Two of them"),
        (
            {"segments": {
                "segment:a": {"name": "A", "kind": "dynamic", "rule": {"match": "all", "conditions": [segment_condition("segment:b")]}},
                "segment:b": {"name": "B", "kind": "dynamic", "rule": {"match": "all", "conditions": [segment_condition("segment:a")]}},
            }},
            "name each other",
        ),
        ({"workflows": {f"workflow:{number}": {"name": "W"} for number in range(201)}}, "200"),
    ],
)  # fmt: skip
async def test_what_it_brings_has_to_be_right(
    api: ApiClients, db_session: AsyncSession, uses: dict[str, Any], words: str
) -> None:
    owner = await api(Role.OWNER)
    before = await counted(db_session)
    answer = await owner.post(f"{API}/workflows/import", json={"workflow": {"name": "Bad"}, "uses": uses})
    assert answer.status_code == 422 and words in answer.text, answer.text
    assert await counted(db_session) == before


async def test_a_viewer_may_do_neither(api: ApiClients) -> None:
    workflow = await full(await api(Role.OWNER))
    viewer = await api(Role.VIEWER)
    assert (await viewer.get(f"{API}/workflows/{workflow}/export")).status_code == 403
    assert (await viewer.post(f"{API}/workflows/import", json={"workflow": {"name": "X"}})).status_code == 403


async def test_the_page_takes_text_says_what_is_wrong_and_opens_the_draft(
    api: ApiClients, browser: BrowserClients
) -> None:
    workflow = await full(await api(Role.OWNER))
    marketer = await browser(Role.MARKETER)
    kept = await marketer.get(f"/workflows/{workflow}/export")
    assert kept.headers["content-disposition"] == 'attachment; filename="full.json"'
    assert msgspec.json.decode(kept.content)["workflow"]["name"] == "Full"
    for text, words in (("", "Choose a file"), ("{", "This is no JSON"), ('{"a": 1}', "no file of a workflow")):
        answer = await marketer.post("/workflows/import", data={"text": text}, files={"file": ("", b"")})
        assert answer.status_code == 422 and words in answer.text, text
    answer = await marketer.post("/workflows/import", data={"text": ""}, files={"file": ("full.json", kept.content)})
    assert answer.status_code in (200, 303), answer.text


leaves = st.sampled_from(["a", "b", "gone", "other"]) | st.integers() | st.none() | st.booleans()
documents = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner))


@given(documents)
def test_names_are_replaced_wherever_they_stand_and_nothing_else_is_touched(document: Any) -> None:
    missed: list[str] = []
    names = {"a": "A", "b": "B", "gone": None}
    fitted = replaced(document, names, missed.append)

    def count(value: Any, text: str) -> int:
        if isinstance(value, dict):
            return sum(count(part, text) for part in value.values())
        if isinstance(value, list):
            return sum(count(part, text) for part in value)
        return int(value == text and isinstance(value, str))

    assert [count(fitted, name) for name in names] == [0, 0, 0]
    assert [count(fitted, text) for text in ("A", "B", "other")] == [
        count(document, text) for text in ("a", "b", "other")
    ]
    assert len(missed) == count(document, "gone")
    assert replaced(fitted, {}, missed.append) == fitted


@pytest.mark.parametrize(
    ("workflow", "uses", "words"),
    [
        ({"nodes": [{"id": "a", "type": "add_tag", "name": "Greet", "data": {"tagg": "x"}}]}, {}, "Step 1 “Greet”"),
        ({"nodes": [{"id": "a", "type": "add_tag"}], "edges": [{"source": "a", "target": "b"}]}, {}, "Connection 1"),
        ({"nodes": "none"}, {}, "Nodes: "),
        ({"name": ""}, {}, "Name: "),
        ({}, {"templates": {"template:t": {**TEMPLATE, "name": ""}}}, "Template “"),
    ],
    ids=["step", "connection", "list", "name", "template"],
)
async def test_the_page_says_where_it_is_wrong_in_words_of_people(
    browser: BrowserClients, workflow: dict[str, Any], uses: dict[str, Any], words: str
) -> None:
    text = msgspec.json.encode({"workflow": {"name": "Bad", **workflow}, "uses": uses}).decode()
    answer = await (await browser(Role.MARKETER)).post(
        "/workflows/import", data={"text": text}, files={"file": ("", b"")}
    )
    notices = answer.text.partition('action="/workflows/import"')[2].partition("filebox")[0]
    assert answer.status_code == 422 and words in notices, notices
    assert "workflow." not in notices and "uses." not in notices and "[0]" not in notices


@pytest.mark.parametrize(
    "text",
    ['{"workflow": 5, "uses": {', '{"workflow": 5', '{"workflow": 5, "more": ' + "[" * 50_000 + "]" * 50_000 + "}"],
    ids=["cut off", "cut off at once", "too deep"],
)
async def test_what_is_wrong_at_the_beginning_and_no_json_behind_it_is_no_json(
    browser: BrowserClients, text: str
) -> None:
    answer = await (await browser(Role.MARKETER)).post(
        "/workflows/import", data={"text": text}, files={"file": ("", b"")}
    )
    assert answer.status_code == 422 and "This is no JSON." in answer.text


async def test_a_body_above_the_limit_is_refused_with_the_limit(browser: BrowserClients) -> None:
    upload = {"file": ("large.json", b"x" * 4_200_000)}
    answer = await (await browser(Role.MARKETER)).post("/workflows/import", data={"text": ""}, files=upload)
    assert answer.status_code == 413 and "larger than 4.1 MB, the most that is taken here" in answer.text
