"""*Run again*: the same contact and the same data, on the version that is live, by the rules of every start by hand."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import InboxKind
from app.lib.ids import uuid7
from app.models import Contact, Inbox, Workflow, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients
from tests.fixtures.runs import RunRecord, run_row
from tests.triggers.test_api import ada, make_workflow

__all__ = ["ada"]
FORM = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


async def make_run(
    session: AsyncSession, workflow_id: UUID, contact: Contact, status: RunStatus, clock: Clock
) -> RunRecord:
    run = run_row(
        id=uuid7(), contact_id=contact.id, tenant_id=contact.tenant_id, workflow_id=workflow_id, workflow_version=1,
        started_at=clock.now(), status=int(status), seq=0, trigger_event={"plan": "pro"},
        completed_at=clock.now() if status >= RunStatus.COMPLETED else None,
    )  # fmt: skip
    session.add(run)
    await session.commit()
    return run


async def queued(session: AsyncSession, workspace: Workspace) -> list[Inbox]:
    return list((await session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all())


async def test_it_starts_the_same_once_more(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace, reentry="always")
    run = await make_run(db_session, workflow_id, ada, RunStatus.COMPLETED, clock)
    dialog = (await marketer.get(f"/runs/{run.id}/again")).text
    assert "Run again?" in dialog and "on version 1, with the same data." in dialog
    assert "No step of this version sends a message." in dialog
    answer = await marketer.post(f"/runs/{run.id}/again", headers=FORM)
    assert answer.status_code == 303
    (row,) = await queued(db_session, workspace)
    assert (row.kind, row.contact_id, row.payload) == (InboxKind.START, ada.id, {"plan": "pro"})
    page, _, new_id = answer.headers["location"].partition("?again=")
    assert page == f"/runs/{run.id}" and f"/again/{new_id}" in (await marketer.get(answer.headers["location"])).text
    waits = await marketer.get(f"/runs/{run.id}/again/{new_id}")
    assert "begins in a moment" in waits.text and "looks=1" in waits.text
    ends = await marketer.get(f"/runs/{run.id}/again/{new_id}?looks=30")
    assert "has not begun" in ends.text and "hx-get" not in ends.text
    there = await marketer.get(f"/runs/{run.id}/again/{run.id}")
    assert f'href="/runs/{run.id}"' in there.text and "hx-get" not in there.text


async def test_the_rule_of_reentry_refuses_and_says_why(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    run = await make_run(db_session, workflow_id, ada, RunStatus.WAITING, clock)
    dialog = (await marketer.get(f"/runs/{run.id}/again")).text
    assert "It cannot run again now" in dialog and "is in the workflow already" in dialog and "<form" not in dialog
    answer = await marketer.post(f"/runs/{run.id}/again", headers=FORM)
    assert answer.status_code == 409 and await queued(db_session, workspace) == []


async def test_a_workflow_that_rests_starts_nothing(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace, reentry="always")
    run = await make_run(db_session, workflow_id, ada, RunStatus.COMPLETED, clock)
    workflow = await db_session.get(Workflow, (workspace.id, workflow_id))
    assert workflow is not None
    workflow.status = "paused"
    await db_session.flush()
    dialog = (await marketer.get(f"/runs/{run.id}/again")).text
    assert "This workflow is paused." in dialog and "<form" not in dialog
    assert (await marketer.post(f"/runs/{run.id}/again", headers=FORM)).status_code == 409


async def test_viewers_are_not_offered_it(
    browser: BrowserClients, ada: Contact, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    run = await make_run(db_session, workflow_id, ada, RunStatus.COMPLETED, clock)
    viewer = await browser(Role.VIEWER)
    assert "Run again" not in (await viewer.get(f"/runs/{run.id}?again={uuid7()}")).text
    assert (await viewer.get(f"/runs/{run.id}/again")).status_code == 403
