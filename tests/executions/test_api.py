"""Executions: a run in the words of programs, from the moment its start is accepted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import EntryRefusal, RunLog, StepAttempt, Workspace
from app.models.status import Role, RunStatus, StepStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.runs.rows import live_flow, make_contact, make_run, make_step
from tests.triggers.test_api import make_workflow

EXECUTIONS = "/api/v1/executions"


async def test_an_execution_is_pending_until_it_begins(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id = await make_workflow(db_session, workspace, data={"contact": "none"})
    client = await api(Role.MARKETER)
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/execute", json={"input": {"order": 7}})
    assert answer.status_code == 202, answer.text
    execution_id = answer.json()["data"]["executionId"]
    execution = (await client.get(f"{EXECUTIONS}/{execution_id}")).json()["data"]
    assert (execution["status"], execution["state"], execution["input"]) == ("pending", "idle", {"order": 7})
    assert execution["steps"] == [] and execution["startedAt"] is None


async def test_one_that_was_refused_says_why(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    workflow_id, run_id = await make_workflow(db_session, workspace), uuid7()
    client = await api(Role.VIEWER)
    assert (await client.get(f"{EXECUTIONS}/{run_id}")).json()["code"] == "execution_not_found"
    db_session.add(
        EntryRefusal(
            tenant_id=workspace.id, workflow_id=workflow_id, run_id=run_id, reason="workflow_paused", at=Clock().now()
        )
    )
    await db_session.commit()
    execution = (await client.get(f"{EXECUTIONS}/{run_id}")).json()["data"]
    assert (execution["status"], execution["error"]) == ("cancelled", "The workflow was paused.")
    (log,) = (await client.get(f"{EXECUTIONS}/{run_id}/logs?level=warn")).json()["data"]
    assert log["metadata"] == {"reason": "workflow_paused"}


async def test_an_execution_tells_its_steps_and_its_log(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    admin = await api(Role.ADMIN)
    flow = await live_flow(admin)
    ended = clock.at + timedelta(hours=1)
    run = await make_run(db_session, workspace, flow, RunStatus.FAILED, clock.at, seq=2, error_message="Too many tags.")
    await make_step(db_session, run, 1, "ask", clock.at, port="true", output={"branch": "true"}, attempt=2)
    await make_step(db_session, run, 2, "tag", ended, StepStatus.FAILED, error_message="Too many tags.")
    db_session.add(
        StepAttempt(tenant_id=run.tenant_id, run_id=run.id, seq=1, attempt=1, error_message="Away.", at=clock.at)
    )
    await db_session.flush()
    execution = (await admin.get(f"{EXECUTIONS}/{run.id}")).json()["data"]
    assert (execution["status"], execution["durationMs"], execution["retryCount"]) == ("failed", 3_600_000, 1)
    assert (execution["input"], execution["error"]) == ({"sum": 40}, "Too many tags.")
    ask, tag = execution["steps"]
    assert (ask["stepId"], ask["type"], ask["port"], ask["retryCount"]) == ("ask", "condition", "true", 1)
    assert (tag["status"], tag["error"]) == ("failed", "Too many tags.")
    assert [(log["level"], log["stepId"]) for log in execution["logs"]] == [
        ("info", None),
        ("debug", "ask"),
        ("warn", "ask"),
        ("info", "ask"),
        ("debug", "tag"),
        ("error", "tag"),
        ("error", None),
    ]
    for level in ("warn", "error,warn"):
        errors = (await admin.get(f"{EXECUTIONS}/{run.id}/logs", params={"level": level})).json()["data"]
        assert [log["level"] for log in errors] == ["warn", "error", "error"], level


async def test_the_log_holds_what_steps_said_and_is_read_page_by_page(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    admin = await api(Role.ADMIN)
    run = await make_run(
        db_session,
        workspace,
        await live_flow(admin),
        RunStatus.COMPLETED,
        clock.at,
        seq=1,
        context={"logged": [3, 90, 7]},
    )
    await make_step(db_session, run, 1, "ask", clock.at, port="true")
    key = {"tenant_id": run.tenant_id, "run_id": run.id, "node_id": "ask", "seq": 1, "at": clock.at}
    said = [{"level": "debug", "message": "one"}, {"level": "warn", "message": "two", "metadata": {"left": 2}}]
    db_session.add(RunLog(**key, fence=1, part=0, lines=[{"level": "info", "message": "three"}]))
    db_session.add(RunLog(**key, fence=0, part=1, lines=said))
    await db_session.flush()
    path = f"{EXECUTIONS}/{run.id}"
    detail = (await admin.get(path)).json()["data"]
    of_step = [log for log in detail["logs"] if log["message"] in ("one", "two", "three")]
    assert [(log["level"], log["message"], log["metadata"], log["stepId"]) for log in of_step] == [
        ("debug", "one", {}, "ask"),
        ("warn", "two", {"left": 2}, "ask"),
        ("info", "three", {}, "ask"),
    ]
    pages, cursor = list[dict[str, Any]](), None
    while True:
        answer = (await admin.get(f"{path}/logs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(answer["data"]) <= 2
        pages += answer["data"]
        if (cursor := answer["meta"]["nextCursor"]) is None:
            break
    assert pages == detail["logs"] and any("7 more lines were left out" in log["message"] for log in pages)
    warnings = (await admin.get(f"{path}/logs", params={"level": "warn", "limit": 1})).json()
    assert warnings["data"][0]["message"] == "two" and warnings["meta"]["nextCursor"]
    of_run = (await admin.get(f"/api/v1/workflows/{run.workflow_id}/runs/{run.id}")).json()["data"]
    assert [line["message"] for line in of_run["steps"][0]["logs"]] == ["one", "two", "three"]
    assert of_run["logsLeftOut"] == 7


@pytest.mark.parametrize(
    ("status", "word", "outcome"),
    [
        (RunStatus.RUNNING, "running", None),
        (RunStatus.WAITING, "running", None),
        (RunStatus.HELD, "running", None),
        (RunStatus.COMPLETED, "completed", None),
        (RunStatus.GOAL_REACHED, "completed", "goal_reached"),
        (RunStatus.EXITED, "completed", "exited"),
        (RunStatus.FAILED, "failed", None),
        (RunStatus.CANCELLED, "cancelled", None),
    ],
)
async def test_each_status_of_a_run_has_one_of_an_execution(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
    status: RunStatus,
    word: str,
    outcome: str | None,
) -> None:
    admin = await api(Role.ADMIN)
    flow = await live_flow(admin)
    await make_run(db_session, workspace, flow, status, clock.at)
    (listed,) = (await admin.get(EXECUTIONS, params={"status": word, "workflowId": flow})).json()["data"]
    assert (listed["status"], listed["outcome"]) == (word, outcome)
    assert listed["waiting"] is (status == RunStatus.WAITING) and listed["held"] is (status == RunStatus.HELD)
    others = ",".join({"running", "completed", "failed", "cancelled"} - {word})
    assert (await admin.get(EXECUTIONS, params={"status": others})).json()["data"] == []


async def test_lists_go_on_by_a_cursor_and_are_narrowed(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    admin = await api(Role.ADMIN)
    flow, other = await live_flow(admin), await live_flow(admin, name="Other")
    ada = await make_contact(db_session, workspace, email="ada@example.com")
    runs = [
        await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at, contact_id=ada.id) for _ in range(3)
    ]
    await make_run(db_session, workspace, other, RunStatus.COMPLETED, clock.at)
    path = f"/api/v1/workflows/{flow}/executions"
    first = (await admin.get(path, params={"limit": 2})).json()
    rest_page = (await admin.get(path, params={"limit": 2, "cursor": first["meta"]["nextCursor"]})).json()
    listed = [one["id"] for one in first["data"] + rest_page["data"]]
    assert listed == [str(run.id) for run in reversed(runs)]
    of_ada = (await admin.get(EXECUTIONS, params={"contactId": str(ada.id)})).json()["data"]
    assert {one["contactId"] for one in of_ada} == {str(ada.id)} and len(of_ada) == 3
    assert (await admin.get(f"/api/v1/workflows/{uuid4()}/executions")).status_code == 404


@pytest.mark.parametrize("query", [{"status": "done"}, {"status": "pending"}])
async def test_unknown_words_are_refused_with_the_known_ones(api: ApiClients, query: dict[str, str]) -> None:
    viewer = await api(Role.VIEWER)
    answer = await viewer.get(EXECUTIONS, params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "status"


async def test_unknown_levels_are_refused(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    admin = await api(Role.ADMIN)
    run = await make_run(db_session, workspace, await live_flow(admin), RunStatus.COMPLETED, clock.at)
    answer = await admin.get(f"{EXECUTIONS}/{run.id}/logs", params={"level": "loud"})
    assert "debug, info, warn, error" in answer.json()["errors"][0]["message"]
