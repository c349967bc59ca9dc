"""The builder's routes: the page, saving by ops with partial answers, forms, conflicts, status, and who may do what."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.models import Workflow, Workspace
from app.models.run import NodeStat
from app.models.status import Role
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients, make_user, principal_of

FLOW = {
    "trigger": {"type": "event", "event": "trial_started", "position": {"x": 280, "y": 0}},
    "nodes": [
        {"id": "pause", "type": "delay", "position": {"x": 280, "y": 168}, "data": {"duration": 2, "unit": "hours"}},
        {"id": "mark", "type": "add_tag", "name": "Tag <them>", "position": {"x": 280, "y": 336}, "data": {"tag": "a"}},
        {"id": "gone", "type": "from_a_plugin", "position": {"x": 600, "y": 336}, "data": {"x": 1}},
    ],
    "edges": [{"source": "trigger", "target": "pause"}, {"source": "pause", "target": "mark"}],
}


@pytest.fixture
def service(db_session: AsyncSession, principals: dict[Role, Principal]) -> WorkflowService:
    return WorkflowService(db_session, principals[Role.OWNER])


@pytest.fixture
async def workflow(service: WorkflowService) -> Workflow:
    sound = {**FLOW, "nodes": FLOW["nodes"][:2]}
    return await service.create(name="Trial </script><b>onboarding", flow=Flow.load(sound))


async def save(
    client: httpx.AsyncClient, workflow: Workflow, rev: int, *ops: dict[str, Any], tab: str = "tab"
) -> httpx.Response:
    """What the canvas sends. Each op gets an id."""
    body = {"client": tab, "ops": [{"id": str(uuid4()), **op} for op in ops]}
    headers = {"If-Match": f'"{rev}"', "hx-request": "true", "content-type": "application/json"}
    return await client.patch(f"/workflows/{workflow.id}/draft", content=json.dumps(body), headers=headers)


def reply_of(answer: httpx.Response) -> dict[str, Any]:
    found = re.search(
        r'hx-target="#wf-reply"[^>]*><script type="application/json">(.*?)</script>', answer.text, re.DOTALL
    )
    assert found, answer.text
    data: dict[str, Any] = json.loads(found[1])
    return data


def cards_of(answer: httpx.Response) -> list[str]:
    return re.findall(r'hx-target="#c-([^"]+)" hx-swap="outerMorph"', answer.text)


def move(node_id: str, x: int = 8) -> dict[str, Any]:
    return {"kind": "move_node", "nodeId": node_id, "position": {"x": x, "y": 8}}


def tagged(tag: str) -> dict[str, Any]:
    return {"kind": "update_node", "nodeId": "mark", "data": {"tag": tag}}


async def test_the_page_has_a_card_for_each_step_and_the_data_to_boot(
    browser: BrowserClients, workflow: Workflow
) -> None:
    client = await browser(Role.MARKETER)
    page = (await client.get(f"/workflows/{workflow.id}")).text
    assert re.findall(r'<li class="node k-(\w+)" id="n-([\w-]+)"', page) == [
        ("trigger", "trigger"),
        ("timing", "pause"),
        ("data", "mark"),
    ]
    assert "Wait 2 hours" in page and "Tag &lt;them&gt;" in page
    found = re.search(r'id="wf-data">(.*?)</script>', page, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert data["rev"] == 1 and data["mayEdit"] is True and data["name"] == workflow.name
    assert set(data["types"]) >= {"trigger", "send_email", "delay", "condition"}
    assert data["types"]["condition"]["ports"] == [
        {"id": "true", "label": "Yes", "tone": "yes"},
        {"id": "false", "label": "No", "tone": "no"},
    ]
    assert "<b>onboarding" not in page, "the name is escaped everywhere, in the JSON too"


async def test_an_unknown_step_type_is_shown_not_lost(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    workflow.draft = Flow.load(FLOW).document()
    await db_session.flush()
    client = await browser(Role.MARKETER)
    page = (await client.get(f"/workflows/{workflow.id}")).text
    assert 'id="n-gone"' in page and "This type is not installed" in page
    panel = (await client.get(f"/workflows/{workflow.id}/nodes/gone/panel")).text
    assert "not installed" in panel and "<form" not in panel
    answer = await save(client, workflow, 1, move("gone", 80))
    assert answer.status_code == 200, answer.text
    await db_session.refresh(workflow)
    kept = Flow.load(workflow.draft).node("gone")
    assert kept is not None and kept.data == {"x": 1} and kept.position.x == 80


async def test_saving_answers_the_changed_cards_the_issues_and_the_revision(
    browser: BrowserClients, workflow: Workflow
) -> None:
    client = await browser(Role.MARKETER)
    mail = {"id": "mail", "type": "send_email", "position": {"x": 0, "y": 0}, "data": {}}
    answer = await save(client, workflow, 1, {"kind": "add_node", "node": mail}, tagged("vip"), move("pause"))
    assert answer.status_code == 200, answer.text
    assert sorted(cards_of(answer)) == ["mail", "mark"], "a moved card is the client's matter"
    assert "Add tag “vip”" in html.unescape(answer.text)
    reply = reply_of(answer)
    assert reply["rev"] == 2 and reply["unpublished"] is True and "document" not in reply
    assert {(one["nodeId"], one["path"]) for one in reply["diagnostics"]} >= {("mail", "nodes[2].data.templateId")}
    assert json.loads(answer.headers["hx-trigger"]) == {"wf:stored": {"rev": 2}}


async def test_a_refused_change_says_which_op_and_why(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    client = await browser(Role.MARKETER)
    too_long = {"kind": "update_node", "nodeId": "pause", "data": {"duration": 400, "unit": "days"}}
    answer = await save(client, workflow, 1, move("pause"), too_long)
    assert answer.status_code == 422
    reply = reply_of(answer)
    assert reply["errors"][0]["path"] == "nodes[0].data.duration" and "365" in reply["errors"][0]["message"]
    await db_session.refresh(workflow)
    assert workflow.draft_rev == 1, "nothing of the batch is kept"
    nonsense = await save(client, workflow, 1, {"kind": "explode"})
    assert nonsense.status_code == 422 and reply_of(nonsense)["errors"]


async def test_two_people_who_touch_different_steps_are_both_kept(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    await save(client, workflow, 1, tagged("theirs"), tab="other")
    answer = await save(client, workflow, 1, move("pause", 96))
    assert answer.status_code == 200
    reply = reply_of(answer)
    assert reply["rev"] == 3
    nodes = {node["id"]: node for node in reply["document"]["graph"]["nodes"]}
    assert nodes["mark"]["data"] == {"tag": "theirs"} and nodes["pause"]["position"]["x"] == 96


async def test_two_people_who_touch_the_same_step_are_asked(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    await save(client, workflow, 1, tagged("theirs"), tab="other")
    answer = await save(client, workflow, 1, tagged("mine"))
    assert answer.status_code == 409
    reply = reply_of(answer)
    assert reply["conflict"] is True and reply["rev"] == 2 and reply["by"].startswith("Marketer")
    for choice in ("mine", "theirs", "copy"):
        assert f'data-conflict="{choice}"' in answer.text
    assert "Tag &lt;them&gt;" in answer.text, "it says what was changed"
    assert re.search(r'<td dir="auto">theirs</td><td dir="auto">mine</td>', answer.text), "and both values"
    kept = await save(client, workflow, reply["rev"], tagged("mine"))
    assert kept.status_code == 200 and reply_of(kept)["rev"] == 3


async def test_a_conflict_names_only_what_clashes(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    wait = {"kind": "update_node", "nodeId": "pause", "data": {"duration": 9, "unit": "hours"}}
    await save(client, workflow, 1, tagged("theirs"), wait, tab="other")
    answer = await save(client, workflow, 1, tagged("mine"))
    assert answer.status_code == 409 and "<b>Tag &lt;them&gt;</b>" in answer.text
    assert ">9<" not in answer.text.split("<dialog")[1] and "Wait 9 hours" not in answer.text.split("<dialog")[1]


async def test_a_step_that_they_removed_has_no_second_value(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    await save(client, workflow, 1, {"kind": "remove_node", "nodeId": "mark"}, tab="other")
    answer = await save(client, workflow, 1, tagged("mine"))
    assert answer.status_code == 409 and 'class="clash"' not in answer.text
    assert "a step that is gone now" in answer.text


async def test_one_side_of_a_conflict_can_be_saved_as_a_copy(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService
) -> None:
    client = await browser(Role.MARKETER)
    mine = json.dumps({**FLOW, "nodes": FLOW["nodes"][:2], "notes": []})
    answer = await client.post(f"/workflows/{workflow.id}/copies", data={"graph": mine}, headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.text
    made = await service.get(answer.headers["hx-redirect"].rpartition("/")[2])
    assert made.name.endswith("(copy)") and len(made.draft["nodes"]) == 2
    broken = await client.post(f"/workflows/{workflow.id}/copies", data={"graph": "{"}, headers={"hx-request": "true"})
    assert broken.status_code == 422


async def test_a_tab_that_comes_back_sees_what_changed(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    same = await client.get(f"/workflows/{workflow.id}/draft", params={"rev": 1})
    assert reply_of(same) == {"rev": 1}
    await save(client, workflow, 1, tagged("new"))
    moved_on = reply_of(await client.get(f"/workflows/{workflow.id}/draft", params={"rev": 1}))
    assert moved_on["rev"] == 2 and moved_on["document"]["name"] == workflow.name
    assert sorted(cards_of(await client.get(f"/workflows/{workflow.id}/cards"))) == ["mark", "pause", "trigger"]


async def test_forms_show_what_is_stored(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.MARKETER)
    step = (await client.get(f"/workflows/{workflow.id}/nodes/pause/panel")).text
    assert 'data-about="pause"' in step and 'value="2"' in step and '<option value="hours" selected>' in step
    trigger = (await client.get(f"/workflows/{workflow.id}/nodes/trigger/panel")).text
    assert 'value="trial_started"' in trigger and 'value="event" checked' in trigger
    whole = (await client.get(f"/workflows/{workflow.id}/panel")).text
    assert 'value="after_exit" checked' in whole
    assert (await client.get(f"/workflows/{workflow.id}/nodes/nope/panel")).status_code == 404


async def test_the_activate_dialog_says_what_it_listens_to_and_what_is_missing(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    client = await browser(Role.ADMIN)
    ready = (await client.get(f"/workflows/{workflow.id}/activation")).text
    assert "Starts on the event “trial_started”" in html.unescape(ready) and "Activate v1" in ready
    assert (await client.post(f"/workflows/{workflow.id}/activate", data={"changelog": "First"})).status_code == 303
    await db_session.refresh(workflow)
    assert workflow.status == "active" and workflow.live_version == 1
    menu = (await client.get(f"/workflows/{workflow.id}/version-menu")).text
    assert "Version 1 · live" in menu and "First" in menu
    await save(client, workflow, 1, {"kind": "update_node", "nodeId": "mark", "data": {}})
    missing = (await client.get(f"/workflows/{workflow.id}/activation")).text
    assert "Not ready yet" in missing and 'data-do="go-to"' in missing and "/activate" not in missing
    refused = await client.post(f"/workflows/{workflow.id}/activate", headers={"hx-request": "true"})
    assert refused.status_code == 422 and 'role="alert"' in refused.text
    assert (await client.post(f"/workflows/{workflow.id}/pause")).status_code == 303
    await db_session.refresh(workflow)
    assert workflow.status == "paused"
    assert (await client.post(f"/workflows/{workflow.id}/resume")).status_code == 303
    await db_session.refresh(workflow)
    assert workflow.status == "active"


async def test_results_count_by_step_and_show_the_version_they_belong_to(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService, db_session: AsyncSession
) -> None:
    client = await browser(Role.ADMIN)
    await service.activate(workflow.id)
    for node, key, count in (("", "entered", 7), ("pause", "next", 5), ("pause", "waiting", 2)):
        db_session.add(
            NodeStat(
                workflow_id=workflow.id,
                version=1,
                node_id=node,
                key=key,
                shard=0,
                tenant_id=workflow.tenant_id,
                n=count,
            )
        )
    await db_session.flush()
    results = (await client.get(f"/workflows/{workflow.id}/results")).text
    found = re.search(r'data-overlay="results">(.*?)</script>', results, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert data["entered"] == 7 and data["nodes"]["pause"]["ports"] == {"next": 5} and "graph" not in data
    await save(client, workflow, 1, {"kind": "remove_node", "nodeId": "mark"})
    later = re.search(
        r'data-overlay="results">(.*?)</script>', (await client.get(f"/workflows/{workflow.id}/results")).text
    )
    assert later
    assert [node["id"] for node in json.loads(later[1])["graph"]["nodes"]] == ["pause", "mark"]
    step = (await client.get(f"/workflows/{workflow.id}/results/pause")).text
    assert "Waiting here" in step and ">2<" in step
    panel = (await client.get(f"/workflows/{workflow.id}/nodes/pause/panel")).text
    assert 'id="waiting-here">2 wait here<' in panel, "whom a switch lets pass"
    assert "waiting-here" not in (await client.get(f"/workflows/{workflow.id}/nodes/trigger/panel")).text
    people = (await client.get(f"/workflows/{workflow.id}/people")).text
    assert "Nobody has entered yet" in people


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER])
async def test_a_role_does_what_it_may(browser: BrowserClients, workflow: Workflow, role: Role) -> None:
    client = await browser(role)
    page = (await client.get(f"/workflows/{workflow.id}")).text
    answer = await save(client, workflow, 1, move("pause"))
    activated = await client.post(f"/workflows/{workflow.id}/activate")
    assert activated.status_code == 403
    dialog = (await client.get(f"/workflows/{workflow.id}/activation")).text
    assert "Only admins switch workflows on" in dialog and 'type="submit"' not in dialog
    if role is Role.VIEWER:
        assert answer.status_code == 403
        assert 'class="pal"' not in page and '"mayEdit": false' in page and 'id="activate-button"' not in page
    else:
        assert answer.status_code == 200
        assert 'class="pal"' in page


async def test_an_archived_workflow_is_read_only(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService
) -> None:
    client = await browser(Role.OWNER)
    await service.archive(workflow.id)
    page = (await client.get(f"/workflows/{workflow.id}")).text
    assert '"mayEdit": false' in page and "Archived" in page
    answer = await save(client, workflow, 1, move("pause"))
    assert answer.status_code == 409 and reply_of(answer)["code"] == "workflow_archived"


async def test_other_workspaces_are_not_there(
    browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    stranger = principal_of(other_workspace, await make_user(db_session, other_workspace, Role.OWNER), Role.OWNER)
    theirs = await WorkflowService(db_session, stranger).create(name="Theirs")
    client = await browser(Role.OWNER)
    for path in (
        "",
        "/draft",
        "/cards",
        "/sample-texts",
        "/panel",
        "/nodes/trigger/panel",
        "/activation",
        "/version-menu",
        "/results",
        "/people",
    ):
        assert (await client.get(f"/workflows/{theirs.id}{path}")).status_code == 404, path
    assert (await save(client, theirs, 1, move("trigger"))).status_code == 404
    for verb in ("activate", "pause", "resume", "copies"):
        assert (await client.post(f"/workflows/{theirs.id}/{verb}")).status_code in (404, 422), verb


async def test_a_step_says_how_often_it_is_tried_when_it_says_nothing(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    """As its workflow, else as its type; the workflow's panel shows the rule that it has."""
    client = await browser(Role.MARKETER)
    mail = {"id": "mail", "type": "send_email", "data": {}}
    workflow.draft = Flow.load({**FLOW, "nodes": [*FLOW["nodes"], mail]}).document()
    await db_session.flush()

    async def panel(node: str) -> str:
        return (await client.get(f"/workflows/{workflow.id}{node}/panel")).text

    assert "here: 1 attempt." in await panel("/nodes/mark") and "as every message" in await panel("/nodes/mail")
    assert "settings.retry.attempts" in await panel("")
    rule = {"attempts": 4, "backoff": {"type": "fixed", "delay": 30_000}}
    workflow.draft = Flow.load({**workflow.draft, "settings": {"retry": rule}}).document()
    await db_session.flush()
    for node in ("/nodes/mark", "/nodes/mail"):
        shown = await panel(node)
        assert "as the workflow, 4 attempts, 30 s apart." in shown and 'placeholder="4"' in shown
    assert re.search(r'name="settings.retry.backoff.delay"[^>]*value="30"', await panel(""))
