"""Questions that runs ask people: who sees them, who may answer, and that an answer counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.approvals.schemas import AnswerIn
from app.approvals.service import ApprovalService, MayNotAnswer, OpenQuestionNotFound, QuestionIsOver
from app.engine import control
from app.errors import Invalid
from app.flow.document import Flow
from app.models import Workflow, Workspace
from app.models.status import PERSON, Role, RunStatus
from app.workflows.service import WorkflowService
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.runs import RunRecord
from tests.runs.test_pages import make_run

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def asking(session: AsyncSession, principal: Principal, who: Any = "marketer") -> Workflow:
    """An active workflow that asks whether somebody is let in."""
    data = {
        "question": "Let {{ contact.first_name }} in?",
        "choices": [{"id": "approve", "label": "Yes <please>"}, {"id": "reject", "label": "No"}],
        "who": who,
    }
    document = {
        "trigger": {"type": "event", "event": "signed_up"},
        "nodes": [{"id": "ask", "type": "hold", "data": data}],
        "edges": [{"source": "trigger", "target": "ask"}],
    }
    service = WorkflowService(session, principal)
    return await service.activate((await service.create(name="Door", flow=Flow.load(document))).id)


async def standing(session: AsyncSession, workflow: Workflow, name: str = "Ada") -> RunRecord:
    return await make_run(
        session, workflow, RunStatus.WAITING, name, current_node_id="ask", resume_at=NOON + timedelta(days=3), waits_for=PERSON,
        waits_since=NOON, step_started_at=NOON, resume_port="timeout", resume_output={"question": f"Let {name} in?"},
    )  # fmt: skip


@pytest.fixture
async def owner(principals: dict[Role, Principal], clock: Clock) -> Principal:
    clock.set(NOON)
    return principals[Role.OWNER]


async def test_open_questions_are_listed_and_answered_over_the_api(
    api: ApiClients, db_session: AsyncSession, owner: Principal
) -> None:
    workflow = await asking(db_session, owner)
    runs = [await standing(db_session, workflow, name) for name in ("Ada", "Bea", "Cyn")]
    viewer, marketer = await api(Role.VIEWER), await api(Role.MARKETER)
    first = (await marketer.get("/api/v1/approvals?limit=2")).json()
    assert [one["text"] for one in first["data"]] == ["Let Ada in?", "Let Bea in?"]
    shown = first["data"][0]
    assert shown["choices"] == [
        {"id": "approve", "label": "Yes <please>", "tone": "yes"},
        {"id": "reject", "label": "No", "tone": "no"},
    ]
    assert (shown["runId"], shown["workflowName"], shown["contact"]) == (str(runs[0].id), "Door", "Ada")
    assert (shown["mayAnswer"], shown["who"], shown["until"]) == (True, "marketers", "2026-06-04T12:00:00Z")
    later = (await marketer.get("/api/v1/approvals", params={"cursor": first["meta"]["nextCursor"]})).json()
    assert [one["text"] for one in later["data"]] == ["Let Cyn in?"] and later["meta"]["nextCursor"] is None
    url = f"/api/v1/workflows/{workflow.id}/runs/{runs[0].id}"
    assert (await viewer.get("/api/v1/approvals")).json()["data"][0]["mayAnswer"] is False
    detail = (await viewer.get(url)).json()["data"]
    assert detail["asksPerson"] is True and detail["waitsFor"] is None and detail["question"]["text"] == "Let Ada in?"
    wrong = await marketer.post(f"{url}/answer", json={"choice": "maybe"})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["message"] == "Choose one of approve, reject."
    assert (await marketer.post(f"{url}/answer", json={"choice": "approve", "comment": " Known. "})).status_code == 204
    assert (await marketer.post(f"{url}/answer", json={"choice": "reject"})).status_code == 404
    await db_session.refresh(runs[0])
    assert (runs[0].resume_port, runs[0].waits_for) == ("approve", None)
    assert runs[0].resume_at != NOON + timedelta(days=3), "it goes on now"
    output = runs[0].resume_output or {}
    assert {**output, "by": "", "byId": ""} == {
        "question": "Let Ada in?", "choice": "approve", "comment": "Known.", "at": NOON.isoformat(), "by": "", "byId": "",
    }  # fmt: skip
    assert output["by"] and output["byId"]


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("viewer", {"viewer", "marketer", "admin", "owner"}),
        ("admin", {"admin", "owner"}),
        ("email of viewer", {"viewer", "owner"}),
        ("id of marketer", {"marketer", "owner"}),
    ],
)
async def test_who_may_answer_is_a_role_or_certain_people_and_always_an_owner(
    db_session: AsyncSession, principals: dict[Role, Principal], owner: Principal, who: str, may: set[str]
) -> None:
    people = {
        "email of viewer": [principals[Role.VIEWER].email.upper()],
        "id of marketer": [str(principals[Role.MARKETER].id)],
    }
    workflow = await asking(db_session, owner, people.get(who, who))
    for role, principal in principals.items():
        run = await standing(db_session, workflow, str(role))
        await db_session.flush()
        service = ApprovalService(db_session, principal)
        assert bool(await service.for_reader(5)) is (str(role) in may)
        if str(role) in may:
            await service.answer(run.id, AnswerIn("reject"))
        else:
            with pytest.raises(MayNotAnswer):
                await service.answer(run.id, AnswerIn("reject"))
            await control.cancel_runs(db_session, workflow.tenant_id, [run.id])


async def test_a_question_that_is_over_takes_no_answer(
    db_session: AsyncSession, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = await asking(db_session, owner)
    run = await standing(db_session, workflow)
    await db_session.flush()
    service = ApprovalService(db_session, owner)
    with pytest.raises(Invalid):
        await service.answer(run.id, AnswerIn("timeout"))  # no choice, but a way out
    with pytest.raises(OpenQuestionNotFound):
        await service.answer(workflow.id, AnswerIn("approve"))
    with pytest.raises(OpenQuestionNotFound):
        await service.answer(run.id, AnswerIn("approve"), workflow_id=run.id)

    async def another_was_first(*_: Any, **__: Any) -> bool:
        return False

    monkeypatch.setattr(control, "answer_run", another_was_first)
    with pytest.raises(QuestionIsOver):
        await service.answer(run.id, AnswerIn("approve"))


async def test_home_and_the_page_of_the_run_have_the_buttons(
    browser: BrowserClients, db_session: AsyncSession, owner: Principal
) -> None:
    workflow = await asking(db_session, owner)
    run = await standing(db_session, workflow)
    await db_session.flush()
    viewer, marketer = await browser(Role.VIEWER), await browser(Role.MARKETER)
    home, page = (await marketer.get("/")).text, (await marketer.get(f"/runs/{run.id}")).text
    for text in (home, page):
        assert "Let Ada in?" in text and "Yes &lt;please&gt;" in text and f'action="/runs/{run.id}/answer"' in text
    assert "Waits for a person to answer until" in page
    assert "What waits for your decision" not in (await viewer.get("/")).text
    assert "This question is for marketers." in (await viewer.get(f"/runs/{run.id}")).text
    assert (await viewer.post(f"/runs/{run.id}/answer", data={"choice": "approve"})).status_code == 403
    answered = await marketer.post(f"/runs/{run.id}/answer", data={"choice": "approve", "page": "run", "comment": "ok"})
    assert answered.status_code in (200, 303)
    assert "What waits for your decision" not in (await marketer.get("/")).text


async def test_questions_of_other_workspaces_are_not_there(
    api: ApiClients, db_session: AsyncSession, owner: Principal, other_workspace: Workspace
) -> None:
    run = await standing(db_session, await asking(db_session, owner))
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.get("/api/v1/approvals")).json()["data"] == []
    url = f"/api/v1/workflows/{run.workflow_id}/runs/{run.id}/answer"
    assert (await stranger.post(url, json={"choice": "approve"})).status_code == 404
