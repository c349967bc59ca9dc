"""Runs that call and are called: their pages, lists and the API lead from each to the other; nobody sees another workspace's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import SubRun, Workspace
from app.models.status import Role, RunOrigin, RunStatus
from app.runs import sub_run_repository
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.runs import RunRecord
from tests.runs.rows import make_run, make_step
from tests.workflows.test_calls import workflow


@pytest.fixture
async def pair(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> tuple[RunRecord, RunRecord, UUID]:
    """A run that waits for one that it called, and has called another before, which was not let in; the id of that."""
    admin = await api(Role.ADMIN)
    callee = await workflow(admin, "Pay back")
    caller = await workflow(admin, "Returns", callee, callee)
    parent = await make_run(
        db_session,
        workspace,
        caller,
        RunStatus.CALLING,
        clock.at,
        seq=1,
        current_node_id="call-1",
        step_started_at=clock.at,
    )
    await make_step(db_session, parent, 1, "call-0", clock.at, port="error")
    child = await make_run(
        db_session, workspace, callee, RunStatus.WAITING, clock.at, seq=0, current_node_id="end",
        origin=int(RunOrigin.CALLED), resume_at=clock.at + timedelta(hours=1),
    )  # fmt: skip
    refused = uuid7()
    for run_id, seq, why in ((refused, 1, "conditions_not_met"), (child.id, 2, None)):
        db_session.add(
            SubRun(
                tenant_id=workspace.id, run_id=run_id, workflow_id=UUID(callee), parent_run_id=parent.id, parent_seq=seq,
                parent_workflow_id=UUID(caller), awaited=True, asked_at=clock.at, refused=why,
                ended_at=clock.at if why else None,
            )
        )  # fmt: skip
    await db_session.commit()
    return parent, child, refused


async def test_programs_go_from_one_to_the_other(api: ApiClients, pair: tuple[RunRecord, RunRecord, UUID]) -> None:
    parent, child, refused = pair
    client = await api(Role.VIEWER)
    of_parent = (await client.get(f"/api/v1/executions/{parent.id}")).json()["data"]
    assert [step["called"] for step in of_parent["steps"]] == [[str(refused)], [str(child.id)]]
    assert of_parent["parentId"] is None
    of_child = (await client.get(f"/api/v1/executions/{child.id}")).json()["data"]
    assert (of_child["parentId"], of_child["steps"][-1]["called"]) == (str(parent.id), [])
    listed = (await client.get("/api/v1/executions")).json()["data"]
    assert {one["id"]: one["parentId"] for one in listed} == {str(parent.id): None, str(child.id): str(parent.id)}


async def test_pages_link_them_and_say_what_was_refused(
    browser: BrowserClients, pair: tuple[RunRecord, RunRecord, UUID]
) -> None:
    parent, child, refused = pair
    client = await browser(Role.VIEWER)
    text = (await client.get(f"/runs/{parent.id}")).text
    assert f'href="/runs/{child.id}"' in text and f'href="/runs/{refused}"' not in text
    assert "Not let in. It did not meet the trigger" in text and "Pay back" in text
    assert "It continues when the called run is over" in text
    text = (await client.get(f"/runs/{child.id}")).text
    assert f'href="/runs/{parent.id}">a run of Returns</a>' in text and "Called by a run of “Returns”." in text
    assert f'href="/runs/{parent.id}">by a run of Returns</a>' in (await client.get("/runs")).text


async def test_nobody_sees_those_of_another_workspace(
    api: ApiClients, other_workspace: Workspace, pair: tuple[RunRecord, RunRecord, UUID]
) -> None:
    stranger = await api(Role.OWNER, other_workspace)
    for run in pair[:2]:
        assert (await stranger.get(f"/api/v1/executions/{run.id}")).status_code == 404
    assert (await stranger.get("/api/v1/executions")).json()["data"] == []


async def test_of_many_called_runs_the_first_are_counted(
    browser: BrowserClients,
    api: ApiClients,
    db_session: AsyncSession,
    pair: tuple[RunRecord, RunRecord, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And of each step by itself, however many there are of the one before it."""
    parent, child, _ = pair
    monkeypatch.setattr(sub_run_repository, "_COUNTS", sub_run_repository.counts_sql(30))
    monkeypatch.setattr("app.runs.called.COUNTED", 30)
    await db_session.execute(
        text(
            "insert into sub_runs (tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, asked_at,"
            " ended_at, status) select :tenant, (lpad(to_hex(n), 8, '0') || right(:like, 28))::uuid, :workflow, :parent, 2, :workflow,"
            " false, now(), now(), 4 from generate_series(1, 60) n"
        ),
        {"tenant": parent.tenant_id, "like": str(child.id), "workflow": parent.workflow_id, "parent": parent.id},
    )
    await db_session.commit()
    client = await api(Role.VIEWER)
    steps = (await client.get(f"/api/v1/workflows/{parent.workflow_id}/runs/{parent.id}")).json()["data"]["steps"]
    first, second = (step["called"] for step in steps)
    assert (first["counts"], first["countedFirst"]) == ({"refused": 1}, None)
    assert (second["counts"], second["countedFirst"]) == ({"completed": 30}, 30)
    assert len(second["runs"]) == sub_run_repository.SHOWN
