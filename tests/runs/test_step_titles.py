"""The page of a run calls its steps what their cards on the canvas say, and shows the branches that the run did not take."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Step, Template, Workflow
from app.models.status import Role, RunStatus, StepStatus
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients
from tests.fixtures.runs import RunRecord, run_row

TITLE = re.compile(r'<span class="ti"[^>]*>(.*?)</span>', re.S)


def flow(template_id: str) -> Flow:
    """No step has a name: titles are what the types say."""
    return Flow.load(
        {
            "trigger": {"type": "event", "event": "signed_up"},
            "nodes": [
                {"id": "ask", "type": "condition", "data": {"conditions": [
                    {"field": "plan", "operator": "equals", "value": "pro"}]}},
                {"id": "mail", "type": "send_email", "data": {"templateId": template_id}},
                {"id": "pause", "type": "delay", "data": {"duration": 1, "unit": "days"}},
                {"id": "wait", "type": "wait_for_event", "name": "Until they buy", "data": {"event": "bought"}},
            ],
            "edges": [
                {"source": "trigger", "target": "ask"},
                {"source": "ask", "target": "mail", "sourceHandle": "true"},
                {"source": "ask", "target": "pause", "sourceHandle": "false"},
                {"source": "pause", "target": "wait"},
            ],
        }
    )  # fmt: skip


async def walked(session: AsyncSession, principal: Principal, **fields: Any) -> tuple[Workflow, RunRecord]:
    """A run that took No at the condition and waits at the delay."""
    template = Template(
        id=uuid7(), tenant_id=principal.tenant_id, name="Welcome aboard", channel="email", subject="Hi", text="Hello {{ unsubscribe_url }}"
    )  # fmt: skip
    contact = Contact(id=uuid7(), tenant_id=principal.tenant_id, email="ada@example.com", attributes={})
    session.add_all([template, contact])
    await session.flush()
    service = WorkflowService(session, principal)
    created = await service.create(name="Trial", flow=flow(str(template.id)))
    workflow = await service.activate(created.id)
    run = run_row(
        id=uuid7(), contact_id=contact.id, tenant_id=workflow.tenant_id, workflow_id=workflow.id, workflow_version=1,
        trigger_event={"via": "ad"}, started_at=clock.now() - timedelta(hours=2), status=int(RunStatus.WAITING), seq=1, attempt=1,
        fence=0, current_node_id="pause", resume_at=clock.now() + timedelta(hours=1), **fields,
    )  # fmt: skip
    step = Step(
        tenant_id=run.tenant_id, run_id=run.id, seq=1, node_id="ask", status=int(StepStatus.COMPLETED), port="false",
        output={"rules": []}, started_at=run.started_at, completed_at=run.started_at,
    )  # fmt: skip
    session.add_all([run, step])
    await session.flush()
    return workflow, run


async def test_steps_are_called_what_their_cards_say(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    workflow, run = await walked(db_session, principals[Role.OWNER])
    client = await browser(Role.VIEWER)
    canvas = (await client.get(f"/workflows/{workflow.id}")).text
    cards = {" ".join(title.split()) for title in TITLE.findall(canvas)}
    page = (await client.get(f"/runs/{run.id}")).text
    drawn = {" ".join(title.split()) for title in TITLE.findall(page)}
    assert {"If plan is pro", "Welcome aboard", "Until they buy"} <= drawn
    assert drawn <= cards, f"not as on the canvas: {drawn - cards}"
    person = (await client.get(f"/workflows/{workflow.id}/people/{run.id}")).text
    for text in (page, person):
        assert '<b dir="auto">If plan is pro</b>' in text and ">Condition</b>" not in text


async def test_branches_that_were_not_taken_stand_between_the_steps(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    _, run = await walked(db_session, principals[Role.OWNER])
    page = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    (left,) = re.findall(r'<li class="notaken">.*?</ul></li>', page, re.S)
    assert ">Yes</b>" in left and "Welcome aboard" in left and ">No</b>" not in left
    assert page.index('data-index="1"') < page.index(left) < page.index('data-index="2"')


async def test_a_branch_that_another_visit_took_was_taken(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    _, run = await walked(db_session, principals[Role.OWNER])
    again = Step(
        tenant_id=run.tenant_id, run_id=run.id, seq=2, node_id="ask", status=int(StepStatus.COMPLETED), port="true", occurrence=2,
        output={"rules": []}, started_at=run.started_at, completed_at=run.started_at,
    )  # fmt: skip
    run.seq = 2
    db_session.add(again)
    await db_session.flush()
    assert "notaken" not in (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text


async def test_other_runs_of_the_contact_are_a_press_away(
    browser: BrowserClients, principals: dict[Role, Principal], db_session: AsyncSession
) -> None:
    workflow, run = await walked(db_session, principals[Role.OWNER])
    client = await browser(Role.VIEWER)
    assert "Other runs of this contact" not in (await client.get(f"/runs/{run.id}")).text
    earlier = run_row(
        id=uuid7(), contact_id=run.contact_id, tenant_id=run.tenant_id, workflow_id=workflow.id, workflow_version=1,
        trigger_event={}, started_at=run.started_at, completed_at=run.started_at, status=int(RunStatus.COMPLETED), seq=0, attempt=1,
        fence=0,
    )  # fmt: skip
    db_session.add(earlier)
    await db_session.flush()
    page = (await client.get(f"/runs/{run.id}")).text
    assert "Other runs of this contact" in page and f'href="/runs/{earlier.id}"' in page
