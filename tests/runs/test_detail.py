"""GET /api/v1/workflows/{id}/runs/{runId}: every step, told in full."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Message, StepAttempt, StoredReport, Workspace
from app.models.status import Channel, MessageStatus, ReportKind, Role, RunStatus, StepStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.runs import RunRecord
from tests.runs.rows import live_flow, make_run, make_step
from tests.workflows.examples import PATH, op, patch_draft


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


async def detail(client: httpx.AsyncClient, flow: str, run: RunRecord) -> dict[str, object]:
    answer = await client.get(f"{PATH}/{flow}/runs/{run.id}")
    assert answer.status_code == 200, answer.text
    data: dict[str, object] = answer.json()["data"]
    return data


async def test_steps_tell_what_went_in_and_what_came_out(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at, seq=4)
    rules = [{"field": "event.sum", "operator": "exists", "wanted": None, "actual": 40, "held": True}]
    await make_step(
        db_session, run, 1, "ask", clock.at, port="true", output={"branch": "true", "rules": rules}, attempt=2
    )
    await make_step(db_session, run, 2, "wait", clock.at, port="next")
    await make_step(db_session, run, 3, "tag", clock.at, StepStatus.FAILED, error_message="Too many tags.")
    db_session.add(
        StepAttempt(tenant_id=run.tenant_id, run_id=run.id, seq=1, attempt=1, error_message="Away.", at=clock.at)
    )
    await db_session.flush()
    data = await detail(admin, flow, run)
    assert data["workflowName"] == "Cart" and data["status"] == "completed"
    ask, wait, tag = data["steps"]  # type: ignore[misc]
    assert (ask["nodeId"], ask["nodeType"], ask["name"]) == ("ask", "condition", "Condition")
    assert ask["status"] == "completed" and ask["port"] == "true" and ask["attempt"] == 2 and ask["occurrence"] == 1
    assert ask["input"]["config"] == {"conditions": [{"field": "event.sum", "operator": "exists"}]}
    assert ask["input"]["previous"] == {"event": {"sum": 40}}
    assert ask["rules"][0]["actual"] == 40 and ask["rules"][0]["held"] is True
    assert ask["attempts"][0]["errorMessage"] == "Away." and ask["attempts"][0]["attempt"] == 1
    assert ask["startedAt"] == ask["completedAt"] == "2026-06-01T12:00:00Z"
    assert wait["scheduledAt"] == "2026-06-02T12:00:00Z" and ask["scheduledAt"] is None
    assert wait["name"] == "A day" and wait["input"]["previous"]["nodeId"] == "ask"
    assert tag["status"] == "failed" and tag["errorMessage"] == "Too many tags."


async def test_steps_have_the_contracts_fields_and_the_context_what_the_next_one_reads(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    run = await make_run(
        db_session,
        workspace,
        flow,
        RunStatus.WAITING,
        clock.at,
        seq=2,
        current_node_id="wait",
        resume_at=clock.at + timedelta(days=1),
        step_started_at=clock.at,
        context={"steps": {"kept": {"n": 1}}, "vars": {"colour": "red"}},
    )
    await make_step(db_session, run, 1, "ask", clock.at, port="true", output={"branch": "true"})
    await make_step(db_session, run, 2, "tag", clock.at, output={"text": "x" * 300_000})
    data = (await admin.get(f"{PATH}/{flow}/runs/{run.id}")).json()["data"]
    assert [step["id"] for step in data["steps"]] == [f"{run.id}-{seq}" for seq in (1, 2, 3)]
    for step in data["steps"]:
        assert step["runId"] == str(run.id) and step["errorMessage"] is None
        assert {"nodeId", "nodeType", "status", "input", "output", "startedAt", "completedAt"} <= step.keys()
    assert data["steps"][2]["output"] == {} and data["steps"][2]["scheduledAt"] == "2026-06-02T12:00:00Z"
    assert data["context"] == {
        "event": {"sum": 40},
        "steps": {"kept": {"n": 1}, "ask": {"branch": "true"}, "tag": {"leftOut": "300,011 bytes"}},
        "vars": {"colour": "red"},
    }


async def test_steps_are_told_by_the_version_the_run_started_on(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)
    await make_step(db_session, run, 1, "tag", clock.at, port="next")
    await patch_draft(admin, flow, 1, op("update_node", nodeId="tag", data={"tag": "changed"}))
    await admin.post(f"{PATH}/{flow}/activate")
    (tag,) = (await detail(admin, flow, run))["steps"]  # type: ignore[misc]
    assert tag["input"]["config"] == {"tag": "back"}


@pytest.mark.parametrize(
    ("status", "attempt", "expected"),
    [
        (RunStatus.WAITING, 1, "waiting"),
        (RunStatus.RUNNING, 3, "retrying"),
        (RunStatus.CALLING, 1, "running"),
    ],
)
async def test_the_open_step_comes_from_the_run(
    admin: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
    status: RunStatus,
    attempt: int,
    expected: str,
) -> None:
    flow = await live_flow(admin)
    due = clock.at + timedelta(days=1)
    run = await make_run(
        db_session,
        workspace,
        flow,
        status,
        clock.at,
        seq=1,
        current_node_id="wait",
        resume_at=due,
        step_started_at=clock.at,
        attempt=attempt,
    )
    await make_step(db_session, run, 1, "ask", clock.at, port="true")
    for number in range(1, attempt):
        db_session.add(
            StepAttempt(
                tenant_id=run.tenant_id,
                run_id=run.id,
                seq=2,
                attempt=number,
                error_message="Away.",
                at=clock.at,
                next_at=due,
            )
        )
    await db_session.flush()
    _, wait = (await detail(admin, flow, run))["steps"]  # type: ignore[misc]
    assert wait["nodeId"] == "wait" and wait["status"] == expected and wait["seq"] == 2
    assert wait["scheduledAt"] == "2026-06-02T12:00:00Z" and wait["completedAt"] is None
    assert wait["attempt"] == attempt and len(wait["attempts"]) == attempt - 1


async def test_a_send_step_says_what_became_of_its_message(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)
    await make_step(db_session, run, 1, "tag", clock.at, port="next")
    db_session.add(
        Message(
            run_id=run.id,
            seq=1,
            tenant_id=workspace.id,
            workflow_id=run.workflow_id,
            contact_id=run.contact_id,
            channel=Channel.EMAIL,
            status=MessageStatus.SUPPRESSED,
            error_message="Unsubscribed.",
            created_at=clock.at,
        )
    )
    await db_session.flush()
    (step,) = (await detail(admin, flow, run))["steps"]  # type: ignore[misc]
    assert step["message"]["status"] == "suppressed" and step["message"]["id"] == f"{run.id}-1"
    assert step["message"]["errorMessage"] == "Unsubscribed."


async def test_a_send_step_says_what_the_provider_reported_and_when(
    admin: httpx.AsyncClient,
    browser: BrowserClients,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
) -> None:
    flow = await live_flow(admin)
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)
    await make_step(db_session, run, 1, "tag", clock.at, port="next", output={"reason": "not_reported"})
    message = Message(
        run_id=run.id,
        seq=1,
        tenant_id=workspace.id,
        workflow_id=run.workflow_id,
        contact_id=run.contact_id,
        channel=Channel.EMAIL,
        status=MessageStatus.SENT,
        created_at=clock.at,
        reported=3,
    )
    kinds = ((ReportKind.OPENED, 2), (ReportKind.DELIVERED, 1))
    db_session.add_all(
        [
            message,
            *(
                StoredReport(
                    tenant_id=workspace.id,
                    run_id=run.id,
                    seq=1,
                    kind=int(kind),
                    digest=bytes(16),
                    at=clock.at + timedelta(hours=hours),
                    received_at=clock.at,
                )
                for kind, hours in kinds
            ),
        ]
    )
    await db_session.flush()
    (step,) = (await detail(admin, flow, run))["steps"]  # type: ignore[misc]
    assert [report["kind"] for report in step["message"]["reports"]] == ["delivered", "opened"]
    shown = await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")
    assert shown.status_code == 200, shown.text
    assert "Reported: delivered, opened." in shown.text and "Nobody reported in time that it arrived." in shown.text


async def test_not_there_or_not_yours(
    admin: httpx.AsyncClient,
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
) -> None:
    flow, other = await live_flow(admin), await live_flow(admin, name="Other")
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)
    stranger = await api(Role.OWNER, other_workspace)
    for client, workflow_id, run_id in (
        (stranger, flow, run.id),
        (admin, other, run.id),
        (admin, flow, uuid4()),
    ):
        answer = await client.get(f"{PATH}/{workflow_id}/runs/{run_id}")
        assert answer.status_code == 404 and answer.json()["code"] == "run_not_found"
