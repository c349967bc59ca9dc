"""Branches that none of the contacts would take now: said of those that contacts alone decide about, and of no others."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.flow.lint.untaken_branches import questions_of
from app.models import Workspace
from app.models.status import Role
from app.segments import untaken_pages
from app.workflows.service import WorkflowService
from tests.builder.test_pages import save, tagged
from tests.fixtures.people import BrowserClients
from tests.segments.test_rules import people

PRO = {"field": "contact.plan", "operator": "equals", "value": "pro"}
GOLD = PRO | {"value": "gold"}
KNOWN = {"field": "contact.id", "operator": "exists"}


def asking(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"id": "ask", "type": "condition", "data": {"conditions": list(conditions)}}


def cases(**of_case: dict[str, Any]) -> dict[str, Any]:
    listed = [{"id": name, "label": name, "conditions": [condition]} for name, condition in of_case.items()]
    return {"id": "ask", "type": "switch", "data": {"cases": listed}}


def drawn(*nodes: dict[str, Any]) -> Flow:
    mark = {"id": "mark", "type": "add_tag", "data": {"tag": "a"}}
    return Flow.load({"trigger": {"type": "event", "event": "go"}, "nodes": [*nodes, mark], "edges": []})


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (asking(GOLD), ["Yes"]),
        (asking(KNOWN), ["No"]),
        (asking(PRO), []),
        (cases(Gold=GOLD, Pro=PRO), ["Gold"]),
        (cases(Pro=PRO, Known=KNOWN), []),
    ],
    ids=["nobody is that", "everybody is that", "some are", "a case", "every case"],
)
async def test_ways_that_nobody_takes_are_named(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    principals: dict[Role, Principal],
    node: dict[str, Any],
    said: list[str],
) -> None:
    await people(db_session, workspace)
    workflow = await WorkflowService(db_session, principals[Role.OWNER]).create(name="Asked", flow=drawn(node))
    client = await browser(Role.MARKETER)
    answer = (await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 1})).json()
    ways = [one["message"] for one in answer["diagnostics"]]
    assert ways == [f"None of the 3 contacts would go by “{way}” now." for way in said]
    assert {(one["nodeId"], one["severity"]) for one in answer["diagnostics"]} <= {("ask", "warning")}
    assert (await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 7})).json()["diagnostics"] == []


async def test_a_revision_is_asked_about_once(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    principals: dict[Role, Principal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await people(db_session, workspace)
    workflow = await WorkflowService(db_session, principals[Role.OWNER]).create(name="Asked", flow=drawn(asking(GOLD)))
    client, asked = await browser(Role.MARKETER), list[str]()
    nobody_of = untaken_pages._nobody_of

    async def counted(segments: Any, question: Any, person: Any) -> int | None:
        asked.append(question.way)
        return await nobody_of(segments, question, person)

    monkeypatch.setattr(untaken_pages, "_nobody_of", counted)
    for _ in range(2):
        await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 1})
    assert asked == ["Yes", "No"]
    await save(client, workflow, 1, tagged("b"))
    await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 2})
    assert asked == ["Yes", "No"] * 2
    viewer = await browser(Role.VIEWER)
    assert (await viewer.get(f"/workflows/{workflow.id}/untaken")).status_code == 403


async def test_an_answer_that_was_cut_is_asked_for_again(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    principals: dict[Role, Principal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await people(db_session, workspace)
    workflow = await WorkflowService(db_session, principals[Role.OWNER]).create(name="Asked", flow=drawn(asking(GOLD)))
    client = await browser(Role.MARKETER)

    async def ways() -> int:
        answer = await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 1})
        return len(answer.json()["diagnostics"])

    monkeypatch.setattr(untaken_pages, "LONGEST_S", -1.0)
    assert await ways() == 0
    monkeypatch.setattr(untaken_pages, "LONGEST_S", 60.0)
    assert await ways() == 1
    monkeypatch.setattr(untaken_pages, "LONGEST_S", -1.0)
    assert await ways() == 1, "what was asked whole is kept"


async def test_one_question_of_a_workspace_is_asked_at_once_and_holds_no_connection_between_counts(
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    principals: dict[Role, Principal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await people(db_session, workspace)
    workflow = await WorkflowService(db_session, principals[Role.OWNER]).create(name="Asked", flow=drawn(asking(GOLD)))
    client, steps = await browser(Role.MARKETER), list[str]()
    nobody_of, release = untaken_pages._nobody_of, untaken_pages.release_connection

    async def counted(segments: Any, question: Any, person: Any) -> int | None:
        steps.append(question.way)
        if len(steps) == 1:
            meanwhile = (await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": 1})).json()
            assert meanwhile == {"rev": 1, "diagnostics": [], "again": True}
        return await nobody_of(segments, question, person)

    async def released(session: AsyncSession) -> None:
        steps.append("released")
        await release(session)

    monkeypatch.setattr(untaken_pages, "_nobody_of", counted)
    monkeypatch.setattr(untaken_pages, "release_connection", released)
    for rev, others, again in ((1, set[int](), False), (2, {-1, -2}, True), (2, {-1}, False)):
        monkeypatch.setattr(untaken_pages, "_asking", others)
        answer = (await client.get(f"/workflows/{workflow.id}/untaken", params={"rev": rev})).json()
        assert answer["again"] == again and workspace.id not in untaken_pages._asking
        if rev == 1:
            await save(client, workflow, 1, tagged("b"))
    assert steps == ["Yes", "released", "No", "released"] * 2


@pytest.mark.parametrize("field", ["plan", "event.plan", "steps.ask.branch", "contact.tags", "contact.level"])
def test_what_a_run_or_the_workflow_itself_decides_is_not_asked(field: str) -> None:
    writes = {"id": "write", "type": "update_contact", "data": {"set": {"level": "gold"}}}
    assert not [*questions_of(drawn(asking(GOLD | {"field": field}), writes))]
    assert [*questions_of(drawn(asking(GOLD), writes))]
