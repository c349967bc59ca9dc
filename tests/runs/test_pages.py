"""The lists of runs and the page of one: what they show, how they refresh, who may cancel."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Message, MessageDecision, OutboundCall, Step, StepAttempt, Workflow, Workspace
from app.models.status import MessageStatus, Role, RunOrigin, RunStatus, StepStatus
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients, make_user, principal_of
from tests.fixtures.runs import RunRecord, end_run, run_row

FLOW = Flow.load(
    {
        "trigger": {"type": "event", "event": "signed_up"},
        "nodes": [
            {"id": "ask", "type": "condition", "name": "Paying?", "data": {"conditions": [
                {"field": "plan", "operator": "equals", "value": "pro"}]}},
            {"id": "pause", "type": "delay", "name": "A day", "data": {"duration": 1, "unit": "days"}},
        ],
        "edges": [
            {"source": "trigger", "target": "ask"},
            {"source": "ask", "target": "pause", "sourceHandle": "false"},
        ],
        "goals": [{"id": "g", "name": "Bought", "event": "purchase"}],
    }
)  # fmt: skip
RULES = {"rules": [{"field": "plan", "operator": "equals", "wanted": "pro", "actual": "free", "held": False}]}


async def make_workflow(session: AsyncSession, principal: Principal, name: str = "Trial onboarding") -> Workflow:
    service = WorkflowService(session, principal)
    made = await service.create(name=name, flow=FLOW)
    return await service.activate(made.id)


async def make_run(
    session: AsyncSession, workflow: Workflow, status: RunStatus, name: str = "Ada", **fields: Any
) -> RunRecord:
    contact = Contact(
        id=uuid7(), tenant_id=workflow.tenant_id, email=f"{name.lower()}@example.com", attributes={"first_name": name}
    )
    session.add(contact)
    run = run_row(
        id=uuid7(),
        contact_id=contact.id,
        tenant_id=workflow.tenant_id,
        workflow_id=workflow.id,
        workflow_version=1,
        trigger_event={"name": "signed_up", "properties": {"via": "<ad>"}},
        started_at=clock.now() - timedelta(hours=2),
        status=int(status),
        seq=1,
        attempt=fields.pop("attempt", 1),
        fence=0,
        **fields,
    )
    session.add(run)
    session.add(
        Step(
            tenant_id=run.tenant_id,
            run_id=run.id,
            seq=1,
            node_id="ask",
            status=int(StepStatus.COMPLETED),
            port="false",
            output=RULES,
            started_at=run.started_at,
            completed_at=run.started_at,
        )
    )
    await session.flush()
    return run


@pytest.fixture
async def workflow(db_session: AsyncSession, principals: dict[Role, Principal]) -> Workflow:
    return await make_workflow(db_session, principals[Role.OWNER])


@pytest.fixture
async def waiting(db_session: AsyncSession, workflow: Workflow) -> RunRecord:
    soon = clock.now() + timedelta(minutes=20)
    return await make_run(db_session, workflow, RunStatus.WAITING, current_node_id="pause", resume_at=soon)


async def test_lists_name_contacts_steps_and_errors(
    browser: BrowserClients, workflow: Workflow, waiting: RunRecord, db_session: AsyncSession
) -> None:
    await make_run(
        db_session, workflow, RunStatus.FAILED, "Bo", completed_at=clock.now(), error_message="No <address>."
    )
    client = await browser(Role.VIEWER)
    for path in ("/runs", f"/workflows/{workflow.id}/runs"):
        text = (await client.get(path)).text
        assert "Ada" in text and "A day" in text and "in 20 min" in text
        assert "No &lt;address&gt;." in text and text.count('id="run-') == 2
    assert "bo@example.com" not in (await client.get("/runs?status=waiting")).text
    assert (await client.get("/runs?status=nonsense")).status_code == 422


async def test_lists_narrow_to_a_contact_or_a_step(
    browser: BrowserClients, workflow: Workflow, waiting: RunRecord, db_session: AsyncSession
) -> None:
    await make_run(db_session, workflow, RunStatus.RUNNING, "Bo", current_node_id="ask")
    client = await browser(Role.VIEWER)
    of_ada = (await client.get(f"/runs?contact={waiting.contact_id}")).text
    assert (
        "ada@example.com" in of_ada
        and "bo@example.com" not in of_ada
        and f'name="contact" value="{waiting.contact_id}"' in of_ada
    )
    at_pause = (await client.get(f"/workflows/{workflow.id}/runs?node=pause")).text
    assert "ada@example.com" in at_pause and "bo@example.com" not in at_pause


def pill(text: str, word: str) -> str | None:
    """The look of the pill that says `word`; None when there is none."""
    found = re.search(rf'<span class="pill (\w*)">(?:<svg[^>]*>.*?</svg>|<i></i>){word}</span>', text)
    return found[1] if found else None


async def send(session: AsyncSession, run: RunRecord, status: MessageStatus, seq: int = 2, **fields: Any) -> Message:
    """The message of step `seq`, whose run has gone on."""
    step = Step(tenant_id=run.tenant_id, run_id=run.id, seq=seq, node_id="mail", status=int(StepStatus.COMPLETED), port="next",
                started_at=run.started_at, completed_at=run.started_at)  # fmt: skip
    message = Message(run_id=run.id, seq=seq, tenant_id=run.tenant_id, workflow_id=run.workflow_id, contact_id=run.contact_id,
                      channel=1, status=int(status), created_at=run.started_at, **fields)  # fmt: skip
    session.add_all([step, message])
    await session.flush()
    return message


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([MessageStatus.SENT, MessageStatus.SUPPRESSED], []),
        ([MessageStatus.FAILED], ["1 message failed"]),
        (
            [MessageStatus.FAILED, MessageStatus.FAILED, MessageStatus.UNCERTAIN],
            ["2 messages failed", "1 message uncertain"],
        ),
    ],
)
async def test_a_completed_run_whose_messages_failed_is_no_plain_success(
    browser: BrowserClients,
    workflow: Workflow,
    db_session: AsyncSession,
    statuses: list[MessageStatus],
    words: list[str],
) -> None:
    run = await make_run(db_session, workflow, RunStatus.COMPLETED, completed_at=clock.now())
    for seq, status in enumerate(statuses, 2):
        await send(db_session, run, status, seq)
    client = await browser(Role.VIEWER)
    for path in ("/runs", f"/workflows/{workflow.id}/runs", f"/runs/{run.id}", f"/workflows/{workflow.id}/people",
                 f"/workflows/{workflow.id}/people/{run.id}"):  # fmt: skip
        text = (await client.get(path)).text
        known = ("1 message failed", "2 messages failed", "1 message uncertain")
        assert [word for word in known if word in text] == words, path
        assert pill(text, "Completed") == ("" if words else "ok"), path


@pytest.mark.parametrize(
    ("status", "fields", "told"),
    [
        (
            MessageStatus.FAILED,
            {"error_message": "552 Mailbox full."},
            "Could not be sent: 552 Mailbox full. The run had continued.",
        ),
        (MessageStatus.SUPPRESSED, {"error_message": "The contact said no."}, "Not sent: The contact said no."),
        (MessageStatus.QUEUED, {"error_message": "451 Later"}, "Not sent yet: 451 Later."),
        (MessageStatus.UNCERTAIN, {}, "Nobody knows whether it left"),
        (MessageStatus.SENT, {"recipient": "ada@example.com"}, "Sent to ada@example.com."),
    ],
)
async def test_a_step_shows_what_became_of_its_message(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, status: MessageStatus, fields: Any, told: str
) -> None:
    run = await make_run(db_session, workflow, RunStatus.COMPLETED, completed_at=clock.now())
    await send(db_session, run, status, **fields)
    client = await browser(Role.VIEWER)
    for path in (f"/runs/{run.id}", f"/workflows/{workflow.id}/people/{run.id}"):
        text = (await client.get(path)).text
        assert told in text and pill(text, status.word.capitalize()) is not None
    person = (await client.get(f"/workflows/{workflow.id}/people/{run.id}")).text
    assert ('"status": "failed"' in person) == (status in (MessageStatus.FAILED, MessageStatus.UNCERTAIN))


@pytest.mark.parametrize(
    ("status", "act", "by", "told"),
    [
        (MessageStatus.SENT, "sent", ("user", "Ann"), "Nobody knew whether it left, and Ann counted it as sent."),
        (MessageStatus.FAILED, "failed", ("rule", ""), "and the workflow’s rule counted it as not sent."),
        (MessageStatus.QUEUED, "resent", ("key", "nightly"), "It was uncertain, and nightly sent it again."),
    ],
)
async def test_a_step_says_who_decided_about_its_message(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, status: Any, act: str, by: Any, told: str
) -> None:
    run = await make_run(db_session, workflow, RunStatus.COMPLETED, completed_at=clock.now())
    await send(db_session, run, status)
    db_session.add(
        MessageDecision(run_id=run.id, seq=2, fence=1, tenant_id=run.tenant_id, act=act, by_kind=by[0], by_name=by[1],
                        was_status=int(MessageStatus.UNCERTAIN), tries=1)
    )  # fmt: skip
    await db_session.flush()
    client = await browser(Role.VIEWER)
    for path in (f"/runs/{run.id}", f"/workflows/{workflow.id}/people/{run.id}"):
        assert told in (await client.get(path)).text, path


async def test_the_page_of_a_run_that_is_over_follows_its_messages(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    run = await make_run(db_session, workflow, RunStatus.COMPLETED, completed_at=clock.now())
    first = await send(db_session, run, MessageStatus.QUEUED)
    await send(db_session, run, MessageStatus.SENT, 3)
    client = await browser(Role.VIEWER)
    text = (await client.get(f"/runs/{run.id}")).text
    seen = text.split("?seen=")[1].split('"')[0]
    again = {"seen": seen}
    assert (await client.get(f"/runs/{run.id}", params=again, headers={"HX-Request": "true"})).status_code == 204
    first.status = int(MessageStatus.FAILED)
    await db_session.flush()
    moved = await client.get(f"/runs/{run.id}", params=again, headers={"HX-Request": "true"})
    assert moved.status_code == 200 and "1 message failed" in moved.text
    assert "hx-get" not in moved.text.split(">")[0], "nothing about it changes any more"


async def test_a_list_refreshes_its_rows_alone(browser: BrowserClients, waiting: RunRecord) -> None:
    answer = await (await browser(Role.VIEWER)).get("/runs", headers={"HX-Request": "true"})
    assert "<html" not in answer.text and f'id="run-{waiting.id}"' in answer.text


async def test_empty_lists_teach(browser: BrowserClients, workflow: Workflow) -> None:
    client = await browser(Role.VIEWER)
    assert "No runs yet" in (await client.get("/runs")).text
    assert "No such runs" in (await client.get("/runs?status=failed")).text


async def test_a_run_tells_its_steps_and_why(browser: BrowserClients, waiting: RunRecord) -> None:
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{waiting.id}")).text
    assert "Paying?" in text and "The run took the No branch." in text and "The run waits here." in text
    assert "Why No at Paying?" in text and 'wanted <b class="num">is pro</b>' in text and "free" in text
    assert "&lt;ad&gt;" in text and "<ad>" not in text
    assert 'data-node="pause"' in text and 'data-edge="ask:false"' in text
    assert "Cancel run" not in text


async def test_a_start_by_hand_is_not_told_as_an_event(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    by_event = await make_run(db_session, workflow, RunStatus.COMPLETED, event_id=uuid7(), occurred_at=clock.now())
    by_hand = await make_run(db_session, workflow, RunStatus.COMPLETED, "Bea", origin=RunOrigin.HAND)
    client = await browser(Role.VIEWER)
    told = "signed_up was received"
    assert told in (await client.get(f"/runs/{by_event.id}")).text
    text = (await client.get(f"/runs/{by_hand.id}")).text
    assert told not in text and "Started manually or by the API." in text


async def test_a_retried_step_lists_its_attempts(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession
) -> None:
    soon = clock.now() + timedelta(minutes=16)
    run = await make_run(
        db_session,
        workflow,
        RunStatus.RUNNING,
        current_node_id="pause",
        resume_at=soon,
        attempt=2,
        error_message="421 later.",
        step_started_at=clock.now(),
    )
    db_session.add(
        StepAttempt(
            tenant_id=run.tenant_id, run_id=run.id, seq=2, attempt=1, error_message="421 later.", at=clock.now()
        )
    )
    await db_session.flush()
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    assert "Retrying" in text and "planned" in text and "Next attempt" in text
    assert "421 later. It is tried again." in text and "later.." not in text


async def test_a_step_shows_what_it_called_as_page_and_by_api(
    browser: BrowserClients, api: Any, workflow: Workflow, db_session: AsyncSession
) -> None:
    run = await make_run(db_session, workflow, RunStatus.HELD, current_node_id="pause", step_started_at=clock.now())
    detail = {"request": {"method": "POST", "url": "https://api.example.com/o"}, "error": "There was no answer."}
    keys = {
        "tenant_id": run.tenant_id,
        "run_id": run.id,
        "seq": 2,
        "node_id": "pause",
        "kind": "http",
        "target": "api.example.com",
    }
    for attempt, status, more in ((1, "uncertain", {}), (2, "answered", {"response": {"status": 201, "body": "<ok>"}})):
        db_session.add(
            OutboundCall(
                **keys,
                attempt=attempt,
                status=status,
                times=1,
                detail={**detail, **more},
                asked_at=clock.now(),
                ended_at=clock.now(),
            )
        )
    await db_session.flush()
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    assert "Call 1, uncertain" in text and "Call 2, 201" in text and "https://api.example.com/o" in text
    answer = await (await api(Role.VIEWER)).get(f"/api/v1/workflows/{workflow.id}/runs/{run.id}")
    (first, second) = answer.json()["data"]["steps"][-1]["calls"]
    assert (first["status"], first["times"], first["response"], first["error"]) == (
        "uncertain",
        1,
        None,
        "There was no answer.",
    )
    assert second["request"]["method"] == "POST" and second["response"]["status"] == 201


async def test_a_goal_is_named(browser: BrowserClients, workflow: Workflow, db_session: AsyncSession) -> None:
    run = await make_run(db_session, workflow, RunStatus.GOAL_REACHED, completed_at=clock.now(), goal_reached_id="g")
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    assert "Bought was met" in text and "data-follow" not in text


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"goal": "g", **RULES}, "Left out, because the contact meets the goal"),
        ({"goal": "g"}, "The goal was reached while the run stood here"),
    ],
)
async def test_a_step_that_a_goal_left_out_says_why(
    browser: BrowserClients, workflow: Workflow, db_session: AsyncSession, output: dict[str, Any], words: str
) -> None:
    run = await make_run(db_session, workflow, RunStatus.GOAL_REACHED, completed_at=clock.now(), goal_reached_id="g")
    run.seq = 2
    at = clock.now()
    db_session.add(
        Step(tenant_id=run.tenant_id, run_id=run.id, seq=2, node_id="pause", status=int(StepStatus.SKIPPED), output=output,
             started_at=at, completed_at=at)
    )  # fmt: skip
    await db_session.flush()
    text = (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text
    assert words in text and "Waited" not in text


async def test_a_run_under_way_is_asked_again_and_answered_only_when_it_moved(
    browser: BrowserClients, waiting: RunRecord, db_session: AsyncSession
) -> None:
    client = await browser(Role.VIEWER)
    page = (await client.get(f"/runs/{waiting.id}")).text
    seen = page.split(f"/runs/{waiting.id}?seen=")[1].split('"')[0]
    url, headers = f"/runs/{waiting.id}?seen={seen}", {"HX-Request": "true"}
    assert (await client.get(url, headers=headers)).status_code == 204
    await end_run(db_session, waiting, RunStatus.COMPLETED, clock.now())
    moved = await client.get(url, headers=headers)
    assert moved.status_code == 200 and "Completed" in moved.text and "<html" not in moved.text


async def test_cancelling_needs_a_marketer(browser: BrowserClients, waiting: RunRecord) -> None:
    url = f"/runs/{waiting.id}/cancel"
    assert (await (await browser(Role.VIEWER)).post(url)).status_code == 403
    marketer = await browser(Role.MARKETER)
    assert "Cancel this run?" in (await marketer.get(f"/runs/{waiting.id}")).text
    answer = await marketer.post(url)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{waiting.id}")
    assert "Nothing was sent after this." in (await marketer.get(f"/runs/{waiting.id}")).text
    assert (await marketer.post(url)).status_code == 409


async def test_others_runs_are_not_there(
    browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    user = await make_user(db_session, other_workspace, Role.OWNER)
    theirs = await make_workflow(db_session, principal_of(other_workspace, user, Role.OWNER), "Theirs")
    run = await make_run(db_session, theirs, RunStatus.WAITING, "Secret", current_node_id="pause")
    client = await browser(Role.OWNER)
    assert (await client.get(f"/runs/{run.id}")).status_code == 404
    assert (await client.post(f"/runs/{run.id}/cancel")).status_code == 404
    assert (await client.get(f"/workflows/{theirs.id}/runs")).status_code == 404
    assert "Secret" not in (await client.get("/runs")).text
    assert "secret@example.com" not in (await client.get(f"/runs?contact={run.contact_id}")).text
