"""The page of a contact says for which workflows it waits for its turn."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.clock import now
from app.lib.ids import uuid7
from app.models import Contact, Workflow, Workspace
from app.models.pacing import WaitingStart
from app.models.status import Role
from tests.fixtures.people import BrowserClients


async def test_the_page_says_for_what_a_contact_waits(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bob = (Contact(id=uuid7(), tenant_id=workspace.id, email=f"{name}@example.com") for name in ("ada", "bob"))
    flow = Workflow(tenant_id=workspace.id, name="Slow welcome", status="active", draft={})
    db_session.add_all([ada, bob, flow])
    await db_session.flush()
    waits = WaitingStart(
        tenant_id=workspace.id, workflow_id=flow.id, kind=0, name="e", contact_id=ada.id, occurred_at=now(), at=now(), since=now()
    )  # fmt: skip
    db_session.add(waits)
    await db_session.flush()
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get(f"/contacts/{ada.id}")).text
    assert "Slow welcome" in page and "Waits for its turn to enter" in page
    other = (await viewer.get(f"/contacts/{bob.id}")).text
    assert "Waits for its turn" not in other and "This contact is in no workflow." in other
