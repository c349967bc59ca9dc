"""The page of a run that failed: which versions it may be retried with, and where it goes on."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.lib import clock
from app.models import OutboundCall, Step, WorkflowVersion, Workspace
from app.models.status import Role, RunStatus, StepStatus
from app.workflows.service import WorkflowService
from tests.fixtures.people import BrowserClients, make_user, principal_of
from tests.runs.test_pages import make_run, make_workflow


async def test_a_failed_run_offers_its_version_and_the_live_one(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    person = await make_user(db_session, workspace, Role.MARKETER)
    workflow = await make_workflow(db_session, principal_of(workspace, person, Role.MARKETER))
    run = await make_run(db_session, workflow, RunStatus.FAILED, current_node_id="ask")
    step = await db_session.get_one(Step, (workspace.id, run.id, 1))
    step.status, step.error_message = int(StepStatus.FAILED), "no"
    await db_session.flush()
    client = await browser(Role.MARKETER)
    own = (await client.get(f"/runs/{run.id}")).text
    assert "Retry from “Paying?”?" in own and 'name="version" value="same"' in own and "live now" not in own
    newer = Flow.load({"trigger": {"type": "event", "event": "signed_up"}, "nodes": [], "edges": []})
    service = WorkflowService(db_session, principal_of(workspace, person, Role.MARKETER))
    graph = newer.document()
    db_session.add(
        WorkflowVersion(workflow_id=workflow.id, version=2, tenant_id=workspace.id, graph=graph, content_hash=b"")
    )
    (await service.get(workflow.id)).live_version = 2
    await db_session.flush()
    both = (await client.get(f"/runs/{run.id}")).text
    assert "Version 1, as this run had it" in both and "Version 2, which is live now" in both
    assert "Version 2 does not have this step any more." in both
    begun = await client.post(f"/runs/{run.id}/retry", data={"version": "same"})
    assert begun.status_code in (200, 303), begun.text
    after = (await client.get(f"/runs/{run.id}")).text
    assert "Continues as another run" in after and "retry-run" not in after
    assert "retry-run" not in (await (await browser(Role.VIEWER)).get(f"/runs/{run.id}")).text


@pytest.mark.parametrize("status", ["uncertain", "answered"])
async def test_a_call_of_which_nobody_knows_whether_it_arrived_is_warned_of(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, status: str
) -> None:
    person = await make_user(db_session, workspace, Role.MARKETER)
    workflow = await make_workflow(db_session, principal_of(workspace, person, Role.MARKETER))
    run = await make_run(db_session, workflow, RunStatus.FAILED, current_node_id="ask")
    step = await db_session.get_one(Step, (workspace.id, run.id, 1))
    step.status, step.error_message = int(StepStatus.FAILED), "no"
    call = OutboundCall(
        tenant_id=run.tenant_id, run_id=run.id, seq=1, node_id="ask", kind="http", target="api.example.com", attempt=1,
        status=status, times=1, detail={"request": {"method": "POST", "url": "https://api.example.com/o"}},
        asked_at=clock.now(), ended_at=clock.now(),
    )  # fmt: skip
    db_session.add(call)
    await db_session.flush()
    page = (await (await browser(Role.MARKETER)).get(f"/runs/{run.id}")).text
    assert "retry-run" in page and ("whether its call arrived" in page) == (status == "uncertain")
