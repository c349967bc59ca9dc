"""Starting a run on the page of a contact keeps the rules that the API keeps, and says which of them refuses."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import InboxKind
from app.models import Contact, Inbox, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients
from tests.triggers.test_api import ada, make_run, make_workflow

__all__ = ["ada"]
FORM = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def marketer(browser: BrowserClients) -> httpx.AsyncClient:
    return await browser(Role.MARKETER)


async def test_a_start_by_hand_reaches_the_engine(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    data = {"workflow": str(workflow_id), "properties": '{"plan": "pro"}'}
    answer = await marketer.post(f"/contacts/{ada.id}/start", data=data, headers=FORM)
    assert answer.status_code == 303
    row = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).one()
    assert (row.kind, row.workflow_id, row.payload) == (InboxKind.START, workflow_id, {"plan": "pro"})


async def test_a_refusal_is_said_in_the_dialog(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    await make_run(db_session, workflow_id, ada, RunStatus.WAITING, clock)
    answer = await marketer.post(f"/contacts/{ada.id}/start", data={"workflow": str(workflow_id)}, headers=FORM)
    assert answer.status_code == 409 and "data-now" in answer.text
    assert "This contact is in the workflow already." in answer.text
    assert (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all() == []


async def test_a_workflow_that_rests_is_not_offered(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    await make_workflow(db_session, workspace)
    workflow_id = await make_workflow(db_session, workspace, "paused")
    answer = await marketer.post(f"/contacts/{ada.id}/start", data={"workflow": str(workflow_id)}, headers=FORM)
    assert answer.status_code == 422 and "Choose a workflow that is active." in answer.text
