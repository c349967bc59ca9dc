"""The list of workflows, its actions, and the versions page: what people see, may do, and may not reach."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.models import Workflow, Workspace
from app.models.run import NodeStat
from app.models.status import Role, WorkflowStatus
from app.workflows.service import Changes, WorkflowService
from tests.fixtures.people import BrowserClients, make_user, make_workspace, principal_of


def graph(hours: int = 2, tag: str | None = "greeted") -> Flow:
    """Trigger, a wait, a tag (unless None) and the end."""
    nodes: list[dict[str, Any]] = [
        {"id": "pause", "type": "delay", "position": {"x": 0, "y": 120}, "data": {"duration": hours, "unit": "hours"}},
        {"id": "end", "type": "end", "position": {"x": 0, "y": 360}, "data": {}},
    ]
    ways = [("trigger", "pause"), ("pause", "end")]
    if tag:
        nodes.append({"id": "mark", "type": "add_tag", "position": {"x": 0, "y": 240}, "data": {"tag": tag}})
        ways = [("trigger", "pause"), ("pause", "mark"), ("mark", "end")]
    return Flow.load(
        {
            "trigger": {"type": "event", "event": "trial_started"},
            "nodes": nodes,
            "edges": [{"source": source, "target": target} for source, target in ways],
        }
    )


@pytest.fixture
def service(db_session: AsyncSession, principals: dict[Role, Principal]) -> WorkflowService:
    return WorkflowService(db_session, principals[Role.OWNER])


@pytest.fixture
async def workflow(service: WorkflowService) -> Workflow:
    return await service.create(name="Trial <onboarding>", description="Greets new people", flow=graph())


@pytest.fixture
async def foreign(db_session: AsyncSession, other_workspace: Workspace) -> Workflow:
    """A workflow of somebody else."""
    user = await make_user(db_session, other_workspace, Role.OWNER)
    return await WorkflowService(db_session, principal_of(other_workspace, user, Role.OWNER)).create(
        name="Their secret", flow=graph()
    )


async def test_the_list_shows_names_triggers_and_counters(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, foreign: Workflow
) -> None:
    for key, count in (("entered", 1204), ("completed", 1000)):
        stat = NodeStat(
            workflow_id=workflow.id, version=1, node_id="", key=key, shard=0, tenant_id=workflow.tenant_id, n=count
        )
        db_session.add(stat)
    await db_session.flush()
    answer = await (await browser(Role.VIEWER)).get("/workflows")
    assert answer.status_code == 200
    assert "Trial &lt;onboarding&gt;" in answer.text and "Trial <onboarding>" not in answer.text
    assert "Event trial_started" in answer.text and "unpublished changes" not in answer.text
    assert "1,204" in answer.text and ">204<" in answer.text
    assert answer.text.count('class="k-') == 4
    assert foreign.name not in answer.text


async def test_a_search_answers_htmx_with_the_list_alone(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.VIEWER)
    found = await client.get("/workflows?search=greets", headers={"HX-Request": "true"})
    assert "onboarding" in found.text and "<html" not in found.text
    missed = await client.get("/workflows?search=%3Cb%3E", headers={"HX-Request": "true"})
    assert "No workflow is called that" in missed.text and "<b>" not in missed.text


async def test_tabs_filter_by_status_and_count(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.VIEWER)
    assert "Nothing on this tab" in (await client.get("/workflows?status=active")).text
    assert "onboarding" in (await client.get("/workflows?status=draft")).text
    assert (await client.get("/workflows?status=nonsense")).status_code == 422


async def test_an_empty_workspace_is_shown_what_to_do(browser: BrowserClients) -> None:
    marketer = (await (await browser(Role.MARKETER)).get("/workflows")).text
    assert "Draw the first workflow" in marketer
    viewer = (await (await browser(Role.VIEWER)).get("/workflows")).text
    assert "No workflows yet" in viewer and "Draw the first workflow" not in viewer


async def test_creating_opens_the_builder(browser: BrowserClients, db_session: AsyncSession) -> None:
    client = await browser(Role.MARKETER)
    answer = await client.post("/workflows", data={"name": "Win-back", "description": ""})
    made = (await db_session.scalars(select(Workflow).where(Workflow.name == "Win-back"))).one()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/workflows/{made.id}")


async def test_a_name_that_does_not_fit_comes_back_in_the_dialog(browser: BrowserClients) -> None:
    client = await browser(Role.MARKETER)
    answer = await client.post("/workflows", data={"name": " ", "description": "why"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text and 'value="why"' in answer.text and "<html" not in answer.text


async def test_actions_of_the_list(browser: BrowserClients, workflow: Workflow, db_session: AsyncSession) -> None:
    client, base = await browser(Role.ADMIN), f"/workflows/{workflow.id}"
    copied = await client.post(f"{base}/duplicate", headers={"HX-Request": "true"})
    assert copied.status_code == 200 and copied.headers["hx-redirect"].startswith("/workflows/")
    for action, status in (("archive", WorkflowStatus.ARCHIVED), ("restore", WorkflowStatus.DRAFT)):
        assert (await client.post(f"{base}/{action}")).status_code == 303
        await db_session.refresh(workflow)
        assert workflow.status == status
    assert (await client.post(f"{base}/delete")).status_code == 303
    assert (await client.get(f"{base}/versions")).status_code == 404


async def test_an_active_workflow_is_not_deleted(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService
) -> None:
    await service.activate(workflow.id)
    answer = await (await browser(Role.ADMIN)).post(f"/workflows/{workflow.id}/delete", headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "Pause this workflow" in answer.headers["hx-trigger"] and answer.headers["hx-reswap"] == "none"


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.VIEWER, "/workflows"),
        (Role.VIEWER, "/workflows/{id}/duplicate"),
        (Role.MARKETER, "/workflows/{id}/archive"),
        (Role.MARKETER, "/workflows/{id}/restore"),
        (Role.MARKETER, "/workflows/{id}/delete"),
        (Role.MARKETER, "/workflows/{id}/versions/1/revert"),
        (Role.VIEWER, "/workflows/{id}/discard"),
    ],
)
async def test_roles_below_are_refused(browser: BrowserClients, workflow: Workflow, role: Role, path: str) -> None:
    answer = await (await browser(role)).post(path.format(id=workflow.id), data={"name": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("action", ["duplicate", "archive", "restore", "delete", "versions/1/revert", "discard"])
async def test_what_belongs_to_others_is_not_there(browser: BrowserClients, foreign: Workflow, action: str) -> None:
    client = await browser(Role.OWNER)
    answer = await client.post(f"/workflows/{foreign.id}/{action}")
    assert answer.status_code == 404 and foreign.name not in answer.text
    assert (await client.get(f"/workflows/{foreign.id}/versions")).status_code == 404


async def test_versions_say_what_changed(browser: BrowserClients, workflow: Workflow, service: WorkflowService) -> None:
    await service.activate(workflow.id, "The beginning")
    changed = graph(hours=48, tag=None)
    await service.update(workflow.id, Changes(nodes=changed.nodes, edges=changed.edges))
    client, base = await browser(Role.ADMIN), f"/workflows/{workflow.id}/versions"
    draft = (await client.get(base)).text
    assert "v1 <span" in draft and "Discard the draft" in draft
    assert re.search(r"<del>2 hours</del>\s*<ins>48 hours</ins>", draft)
    assert "1 removed" in draft and "1 changed" in draft and "Removed</span>" in draft
    assert (await client.post(f"/workflows/{workflow.id}/discard")).status_code == 303
    assert "Not published" not in (await client.get(base)).text


async def test_going_back_makes_a_new_version(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService
) -> None:
    await service.activate(workflow.id)
    await service.update(workflow.id, Changes(nodes=graph(hours=5).nodes))
    await service.publish(workflow.id, "Longer")
    client, base = await browser(Role.ADMIN), f"/workflows/{workflow.id}/versions"
    old = (await client.get(f"{base}?v=1")).text
    assert "Revert to v1" in old and "First version" in old
    answer = await client.post(f"{base}/1/revert", data={"changelog": "Was better"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}?v=3")
    new = (await client.get(f"{base}?v=3")).text
    assert "Was better" in new and "Revert to v3" not in new
    assert (await client.get(f"{base}?v=99")).status_code == 404
    assert (await client.get(f"{base}?v=abc")).status_code == 404


async def test_a_viewer_sees_versions_but_no_buttons(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService
) -> None:
    await service.activate(workflow.id)
    await service.update(workflow.id, Changes(nodes=graph(hours=5).nodes))
    text = (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow.id}/versions?v=draft")).text
    assert "Discard the draft" not in text and "Revert" not in text


async def test_a_second_workspace_has_its_own_list(browser: BrowserClients, db_session: AsyncSession) -> None:
    fresh = await make_workspace(db_session, "Fresh")
    assert "No workflows yet" in (await (await browser(Role.ADMIN, fresh)).get("/workflows")).text
