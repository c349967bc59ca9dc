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
    assert answer.status_code == 422 and "Choose a workflow that is active and can be started by hand." in answer.text


async def test_a_workflow_that_takes_no_contact_is_not_offered_to_one(
    marketer: httpx.AsyncClient, ada: Contact, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id = await make_workflow(db_session, workspace, data={"contact": "none"})
    assert str(workflow_id) not in (await marketer.get(f"/contacts/{ada.id}")).text
    answer = await marketer.post(f"/contacts/{ada.id}/start", data={"workflow": str(workflow_id)}, headers=FORM)
    assert answer.status_code == 422


async def test_a_run_without_a_contact_starts_from_its_page(
    marketer: httpx.AsyncClient, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id = await make_workflow(db_session, workspace, data={"contact": "none"})
    start = f"/workflows/{workflow_id}/runs/new"
    assert start in (await marketer.get(f"/workflows/{workflow_id}/runs")).text
    assert start not in (await (await browser(Role.VIEWER)).get(f"/workflows/{workflow_id}/runs")).text
    form = (await marketer.get(start)).text
    assert "A run without a contact" in form and "for a contact" not in form, "this workflow takes none"
    wrong = await marketer.post(start, data={"properties": "[1]"}, headers=FORM)
    assert wrong.status_code == 422 and "Write a JSON object" in wrong.text and "[1]" in wrong.text
    answer = await marketer.post(start, data={"properties": '{"order": "A-17"}'}, headers=FORM)
    assert answer.status_code == 303 and answer.headers["location"] == f"/workflows/{workflow_id}/runs"
    row = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).one()
    assert (row.kind, row.contact_id, row.payload) == (InboxKind.START, None, {"order": "A-17"})


async def test_where_a_contact_is_needed_there_is_no_such_page(
    marketer: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    assert f"/workflows/{workflow_id}/runs/new" not in (await marketer.get(f"/workflows/{workflow_id}/runs")).text
    answer = await marketer.get(f"/workflows/{workflow_id}/runs/new")
    assert answer.status_code == 422 and "say which one" in answer.text
