"""Home and results: what they say of a workspace with and without people in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.insights.pages import reading_order
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Connector, Contact, Message, Workflow, Workspace
from app.models.run import NodeStat
from app.models.status import MessageStatus, Role, RunStatus
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients, make_user, principal_of
from tests.fixtures.runs import run_row

BRANCHED = Flow.load(
    {
        "trigger": {"type": "event", "event": "signed_up"},
        "nodes": [
            {"id": "ask", "type": "condition", "name": "Paying?", "data": {"conditions": [
                {"field": "plan", "operator": "equals", "value": "pro"}]}},
            {"id": "tag", "type": "add_tag", "data": {"tag": "paying"}},
            {"id": "pause", "type": "delay", "data": {"duration": 1, "unit": "days"}},
            {"id": "end", "type": "end"},
        ],
        "edges": [
            {"source": "trigger", "target": "ask"},
            {"source": "ask", "target": "tag", "sourceHandle": "true"},
            {"source": "ask", "target": "pause", "sourceHandle": "false"},
            {"source": "tag", "target": "end"},
            {"source": "pause", "target": "end"},
        ],
    }
)  # fmt: skip


@pytest.fixture
def service(db_session: AsyncSession, principals: dict[Role, Principal]) -> WorkflowService:
    return WorkflowService(db_session, principals[Role.OWNER])


@pytest.fixture
async def workflow(service: WorkflowService) -> Workflow:
    made = await service.create(name="Trial onboarding", flow=BRANCHED)
    return await service.activate(made.id, "First")


class Counters:
    """Writes the roll-up counters of one workflow."""

    def __init__(self, session: AsyncSession, workflow: Workflow) -> None:
        self.session, self.workflow = session, workflow

    async def __call__(self, node_id: str = "", **counts: int) -> None:
        for key, n in counts.items():
            self.session.add(
                NodeStat(
                    workflow_id=self.workflow.id,
                    version=1,
                    node_id=node_id,
                    key=key,
                    shard=0,
                    tenant_id=self.workflow.tenant_id,
                    n=n,
                )
            )
        await self.session.flush()


@pytest.fixture
def count(db_session: AsyncSession, workflow: Workflow) -> Counters:
    return Counters(db_session, workflow)


async def make_run(session: AsyncSession, workflow: Workflow, status: RunStatus, **fields: object) -> UUID:
    contact = Contact(id=uuid7(), tenant_id=workflow.tenant_id, email=f"{uuid7()}@example.com")
    session.add(contact)
    run = run_row(
        id=uuid7(),
        contact_id=contact.id,
        tenant_id=workflow.tenant_id,
        workflow_id=workflow.id,
        workflow_version=1,
        started_at=clock.now() - timedelta(hours=1),
        status=int(status),
        seq=1,
        attempt=1,
        fence=0,
        **fields,
    )
    session.add(run)
    await session.flush()
    return run.id


async def test_a_new_workspace_is_led_through_the_set_up(browser: BrowserClients) -> None:
    text = (await (await browser(Role.MARKETER)).get("/")).text
    assert "Nothing is running yet" in text and "0 of 5" in text and "Connect a mail server" in text


async def test_home_says_that_all_is_well(browser: BrowserClients, workflow: Workflow, count: Counters) -> None:
    await count(entered=1284, completed=1000)
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert "All is well" in text and "1 workflow is running and 284 people are active" in text
    assert "Trial onboarding" in text and "v1 of Trial onboarding" in text


async def test_home_names_what_fails_is_late_and_stands_still(
    browser: BrowserClients, workflow: Workflow, service: WorkflowService, count: Counters, db_session: AsyncSession
) -> None:
    now = clock.now()
    for _ in range(2):
        await make_run(
            db_session, workflow, RunStatus.FAILED, completed_at=now, current_node_id="tag", error_message="502 <Bad>"
        )
    old = now - timedelta(days=3)
    await make_run(db_session, workflow, RunStatus.FAILED, completed_at=old, current_node_id="x", error_message="Old")
    await make_run(db_session, workflow, RunStatus.WAITING, resume_at=now - timedelta(minutes=5))
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert "Two things need you" in text
    assert "502 &lt;Bad&gt;" in text and "Old" not in text
    assert "Late" in text and "See whether a worker runs" in text
    await count(entered=3)
    await service.pause(workflow.id)
    paused = (await (await browser(Role.VIEWER)).get("/")).text
    assert "They stand still until the workflow is resumed" in paused and "See whether a worker runs" not in paused


async def make_message(session: AsyncSession, workflow: Workflow, status: MessageStatus, **fields: object) -> None:
    values = {"settled_at": clock.now() - timedelta(minutes=9), **fields}
    session.add(
        Message(
            run_id=uuid7(),
            seq=1,
            tenant_id=workflow.tenant_id,
            workflow_id=workflow.id,
            contact_id=uuid7(),
            channel=1,
            status=int(status),
            created_at=clock.now() - timedelta(hours=1),
            **values,
        )
    )
    await session.flush()


FATES: dict[str, tuple[MessageStatus, dict[str, Any], str, str]] = {
    "refused": (MessageStatus.FAILED, {"error_message": "552 5.2.2 <Full>"}, "552 5.2.2 &lt;Full&gt;", "status=failed"),
    "broken template": (MessageStatus.FAILED, {"error_message": "divided by 0"}, "divided by 0", "status=failed"),
    "cut": (MessageStatus.UNCERTAIN, {"error_message": "cut"}, "Nobody knows whether they left", "status=uncertain"),
    "awaited": (
        MessageStatus.UNCERTAIN,
        {"due_at": datetime(2030, 1, 1, tzinfo=UTC)},
        "say what became of them",
        "status=uncertain",
    ),
    "overdue": (
        MessageStatus.QUEUED,
        {"settled_at": None, "due_at": datetime(2020, 1, 1, tzinfo=UTC)},
        "nobody sends them",
        "status=queued",
    ),
}


@pytest.mark.parametrize("fate", FATES)
async def test_home_is_not_well_when_messages_are_not(
    browser: BrowserClients, workflow: Workflow, count: Counters, db_session: AsyncSession, fate: str
) -> None:
    status, fields, words, link = FATES[fate]
    await count(entered=3, completed=3)
    for _ in range(3):
        await make_message(db_session, workflow, status, **fields)
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert "One thing needs you" in text and "All is well" not in text
    assert words in text and f"/messages?{link}&amp;workflow={workflow.id}" in text
    assert '<b class="num">3</b><span>messages</span>' in text


async def test_home_tells_completed_runs_from_emails_that_left(
    browser: BrowserClients, workflow: Workflow, count: Counters
) -> None:
    await count(entered=6, completed=6)
    await count("mail", **{"next": 6, "message.queued": 6})
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert f'href="/messages?status=queued&amp;workflow={workflow.id}">6 messages queued</a>' in text


async def test_home_forgets_failed_messages_after_a_day(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    old = clock.now() - timedelta(hours=25)
    await make_message(db_session, workflow, MessageStatus.FAILED, settled_at=old)
    await make_message(db_session, workflow, MessageStatus.SUPPRESSED, reason="no_consent")
    await make_message(
        db_session, workflow, MessageStatus.QUEUED, settled_at=None, due_at=clock.now() + timedelta(minutes=9)
    )
    assert "All is well" in (await (await browser(Role.VIEWER)).get("/")).text


@pytest.mark.parametrize(("state", "words"), [("away", "Mail server away"), ("paused", "Connector stopped")])
async def test_home_names_a_connector_that_does_not_work(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, state: str, words: str
) -> None:
    connector = Connector(
        id=uuid7(), tenant_id=workflow.tenant_id, type="smtp", name="Post office", config={}, is_default=True,
        state=state, state_since=clock.now() - timedelta(hours=2), state_message="535 5.7.8 Bad credentials",
    )  # fmt: skip
    db_session.add(connector)
    for _ in range(2):
        await make_message(
            db_session, workflow, MessageStatus.QUEUED, settled_at=None, due_at=None, connector_id=connector.id
        )
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert words in text and "Post office" in text and "535 5.7.8 Bad credentials" in text and "messages wait" in text
    assert f"/connectors/{connector.id}" in text and "All is well" not in text


async def test_results_tell_what_became_of_the_messages(
    browser: BrowserClients, workflow: Workflow, count: Counters
) -> None:
    await count(entered=10, completed=9, failed=1)
    await count("tag", **{"next": 9, "failed": 1, "message.sent": 4, "message.failed": 2, "message.uncertain": 1,
                          "message.suppressed.no_consent": 2, "message.suppressed.no_address": 1})  # fmt: skip
    text = (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow.id}/stats")).text
    assert "Message outcomes" in text and "Suppressed: " in text
    assert "4 sent, 2 failed, 1 uncertain, 3 suppressed (no consent, no address), 1 run failed" in text
    step = (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow.id}/results/tag")).text
    assert "No consent" in step and f"/messages?workflow={workflow.id}&amp;status=uncertain" in step


async def test_home_lists_what_is_due(browser: BrowserClients, workflow: Workflow, db_session: AsyncSession) -> None:
    await make_run(db_session, workflow, RunStatus.WAITING, resume_at=clock.now() + timedelta(minutes=20))
    await make_run(db_session, workflow, RunStatus.WAITING, resume_at=clock.now() + timedelta(hours=3))
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert "2 people continue, 1 in the next hour" in text and "in 20 min" in text


async def test_home_refreshes_its_part_alone(browser: BrowserClients) -> None:
    answer = await (await browser(Role.VIEWER)).get("/", headers={"HX-Request": "true"})
    assert "<html" not in answer.text and "Nothing is running yet" in answer.text


async def test_results_show_the_seed_numbers_and_each_step(
    browser: BrowserClients, workflow: Workflow, count: Counters
) -> None:
    await count(entered=100, completed=60, goal_reached=15, failed=5, seconds=8_000)
    await count("ask", true=40, false=60)
    await count("pause", waiting=7, next=50, failed=3)
    text = (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow.id}/stats")).text
    assert "1 min 40 s" in text and "60% No, 40% Yes" in text and "7 wait here, 3 runs failed" in text
    assert "Active" in text and ">20<" in text and "no goal is set" in text


async def test_results_of_one_version(browser: BrowserClients, workflow: Workflow, count: Counters) -> None:
    await count(entered=100)
    client, url = await browser(Role.VIEWER), f"/workflows/{workflow.id}/stats"
    assert "runs, v1" in (await client.get(f"{url}?version=1")).text
    assert (await client.get(f"{url}?version=7")).status_code == 404
    assert (await client.get(f"{url}?version=x")).status_code == 422
    assert "runs, all versions" in (await client.get(f"{url}?version=")).text


async def test_results_before_anybody_entered(browser: BrowserClients, workflow: Workflow) -> None:
    text = (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow.id}/stats")).text
    assert "Nobody has entered yet" in text


async def test_others_numbers_are_not_there(
    browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    user = await make_user(db_session, other_workspace, Role.OWNER)
    theirs = WorkflowService(db_session, principal_of(other_workspace, user, Role.OWNER))
    foreign = await theirs.create(name="Their secret", flow=BRANCHED)
    await theirs.activate(foreign.id)
    await Counters(db_session, foreign)(entered=9999)
    client = await browser(Role.OWNER)
    assert (await client.get(f"/workflows/{foreign.id}/stats")).status_code == 404
    home = (await client.get("/")).text
    assert "9,999" not in home and "Their secret" not in home


async def test_strangers_are_sent_to_sign_in(client: object, workflow: Workflow) -> None:
    for path in ("/", "/workflows", f"/workflows/{workflow.id}/stats", f"/workflows/{workflow.id}/versions"):
        answer = await client.get(path)  # type: ignore[attr-defined]
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")


def test_arms_are_read_one_after_the_other_and_a_join_closes_them() -> None:
    assert [(node.id, depth) for node, depth in reading_order(BRANCHED)] == [
        ("ask", 0),
        ("tag", 1),
        ("pause", 1),
        ("end", 0),
    ]
