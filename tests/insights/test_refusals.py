"""Whom a workflow did not let in: by the API and on its results, with a contact and without."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import Contact, EntryRefusal, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created


async def refuse(
    session: AsyncSession, workspace: Workspace, workflow_id: str, *rows: tuple[Contact | None, str, Any]
) -> None:
    for contact, reason, detail in rows:
        refusal = EntryRefusal(
            tenant_id=workspace.id,
            workflow_id=UUID(workflow_id),
            contact_id=contact.id if contact else None,
            reason=reason,
            detail=detail,
            at=clock.now(),
        )
        session.add(refusal)
        await session.flush()


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> Contact:
    contact = Contact(tenant_id=workspace.id, email="ada@example.com")
    db_session.add(contact)
    await db_session.flush()
    return contact


async def test_the_api_lists_the_last_first_and_says_why(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    flow, other = [await created(await api(Role.MARKETER)) for _ in range(2)]
    goal = {"goal": "g1", "name": "Bought"}
    await refuse(
        db_session,
        workspace,
        flow["id"],
        (ada, "goal_already_reached", goal),
        (None, "needs_contact", None),
        (None, "a_new_reason", None),
    )
    await refuse(db_session, workspace, other["id"], (None, "workflow_not_active", None))
    client = await api(Role.VIEWER)
    answer = await client.get(f"{PATH}/{flow['id']}/refusals", params={"limit": 2})
    body = answer.json()
    assert answer.status_code == 200
    assert [(one["reason"], one["message"], one["contactId"]) for one in body["data"]] == [
        ("a_new_reason", "A new reason.", None),
        ("needs_contact", "No trigger started runs without a contact any more.", None),
    ]
    following = await client.get(f"{PATH}/{flow['id']}/refusals", params={"cursor": body["meta"]["nextCursor"]})
    (first,) = following.json()["data"]
    assert (first["contactName"], first["contactId"]) == ("ada@example.com", str(ada.id))
    assert (
        first["message"] == "It had reached the goal Bought already." and following.json()["meta"]["nextCursor"] is None
    )


async def test_results_show_them_before_anybody_entered(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    flow = await created(await api(Role.MARKETER))
    client, url = await browser(Role.VIEWER), f"/workflows/{flow['id']}/stats"
    assert "Not let in" not in (await client.get(url)).text
    await refuse(db_session, workspace, flow["id"], (None, "conditions_not_met", None), (ada, "already_active", None))
    page = (await client.get(url)).text
    assert "Not let in" in page and "the last 2 entries that were refused" in page
    for words in (
        "Without a contact",
        "It did not meet the trigger",
        f'href="/contacts/{ada.id}"',
        "It was in this workflow already.",
    ):
        assert words in page, words


async def test_those_of_others_are_not_there(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    flow = await created(await api(Role.MARKETER))
    await refuse(db_session, other_workspace, flow["id"], (None, "needs_contact", None))
    client = await api(Role.VIEWER)
    assert (await client.get(f"{PATH}/{flow['id']}/refusals")).json()["data"] == []
    missing = await client.get(f"{PATH}/{UUID(int=7)}/refusals")
    assert missing.status_code == 404 and missing.json()["code"] == "workflow_not_found"
