"""Answers that a sample keeps: within limits, read one by one, and never of another sample."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.models import Workflow, WorkflowSample
from app.models.status import Role
from app.test_runs import real_answers
from app.test_runs.real_answers import KeptAnswer, RealAnswer, forgotten
from app.test_runs.samples import SampleService
from app.test_runs.schemas import InventedContact, InventedEvent, SampleIn
from app.workflows.service import WorkflowService
from tests.fixtures.http_server import Recorder, json_reply
from tests.fixtures.people import ApiClients, BrowserClients
from tests.test_runs.test_real_calls import call_really, make, ports
from tests.test_runs.test_real_calls import server as server

ANSWER = RealAnswer("q", {"ok": True}, "2026-01-01T00:00:00+00:00")


def test_the_newest_stay_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_answers, "MOST_KEPT", 3)
    monkeypatch.setattr(real_answers, "MOST_BYTES", 1_000)
    five = [KeptAnswer(f"n#{number}", f"2026-01-0{number + 1}", 10) for number in range(5)]
    assert forgotten(five) == ["n#1", "n#0"]
    assert forgotten([*five[:3], KeptAnswer("large#1", "2026-01-10", 2_000)]) == ["n#2", "n#1", "n#0"]
    assert forgotten([]) == []


class Chosen:
    """A workflow with a sample that somebody invented."""

    def __init__(self, session: AsyncSession, principal: Principal, workflow: Workflow, flow: Flow) -> None:
        self.session, self.workflow, self.flow = session, workflow, flow
        self.service = SampleService(session, principal)

    async def choose(self, email: str) -> None:
        invented = InventedContact(email=email)
        await self.service.put(self.workflow, self.flow, SampleIn(contact=invented, event=InventedEvent(name="go")))

    async def kept(self) -> list[Any]:
        return list((await self.session.scalars(select(WorkflowSample.answers))).all())


@pytest.fixture
async def chosen(api: ApiClients, db_session: AsyncSession, server: Recorder) -> Chosen:
    program = await api(Role.ADMIN)
    workflow_id = UUID(await make(program, server.url))
    workflow = await db_session.get_one(Workflow, (await _tenant(db_session), workflow_id))
    principal = Principal(kind="user", id=UUID(int=1), tenant_id=workflow.tenant_id, role=Role.ADMIN, name="Ada")
    flow = WorkflowService(db_session, principal).draft(workflow).flow
    return Chosen(db_session, principal, workflow, flow)


async def _tenant(session: AsyncSession) -> int:
    return int((await session.scalars(select(Workflow.tenant_id))).one())


async def test_an_answer_to_one_invented_person_is_none_to_another(chosen: Chosen) -> None:
    await chosen.choose("ada@example.com")
    ada = await chosen.service.of(chosen.workflow, chosen.flow)
    await chosen.choose("grace@example.com")
    await chosen.service.keep_answer(chosen.workflow, chosen.flow, ada, "ask#1", ANSWER)
    assert await chosen.kept() == [{}], "both have the id of the workflow's invented person"
    grace = await chosen.service.of(chosen.workflow, chosen.flow)
    await chosen.service.keep_answer(chosen.workflow, chosen.flow, grace, "ask#1", ANSWER)
    assert [list(one) for one in await chosen.kept()] == [["ask#1"]]
    await chosen.choose("ada@example.com")
    assert await chosen.kept() == [{}]


async def test_a_sample_that_was_forgotten_meanwhile_is_not_chosen_again(chosen: Chosen) -> None:
    await chosen.choose("ada@example.com")
    ada = await chosen.service.of(chosen.workflow, chosen.flow)
    await chosen.service.put(chosen.workflow, chosen.flow, SampleIn())
    await chosen.service.keep_answer(chosen.workflow, chosen.flow, ada, "ask#1", ANSWER)
    known = await chosen.service.of(chosen.workflow, chosen.flow)
    assert await chosen.kept() in ([], [{}]) and known.person != ada.person


async def test_a_test_reads_the_answers_that_it_comes_to_and_a_preview_none(
    chosen: Chosen, browser: BrowserClients, server: Recorder
) -> None:
    server.answer = lambda asked: json_reply({"n": 7})
    admin, url = await browser(Role.ADMIN), f"/workflows/{chosen.workflow.id}/test"
    await call_really(admin, url)
    sample = await chosen.service.of(chosen.workflow, chosen.flow)
    for place in ("other#1", "ask#2"):
        await chosen.service.keep_answer(chosen.workflow, chosen.flow, sample, place, ANSWER)
    statements = list[str]()
    engine = chosen.session.get_bind()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "workflow_samples" in statement and "answers" in statement:
            statements.append(f"{statement} {parameters}")

    event.listen(engine, "before_cursor_execute", note)
    try:
        await admin.get(f"/workflows/{chosen.workflow.id}/nodes/ask/sample-values")
        assert statements == [], "a field tree needs none of them"
        assert ports((await admin.post(url)).text)["seven"] == "true"
    finally:
        event.remove(engine, "before_cursor_execute", note)
    bodies = [one for one in statements if "-> 'answer'" in one]
    assert len(bodies) == 1 and "'ask#1'" in bodies[0] and len(statements) == 2
