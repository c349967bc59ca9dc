"""The demo workspace: it fills an empty one, once, and what it makes has no maker who does not exist."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.demo.workspace import CONTACTS, seed
from app.models import Contact, Workflow, WorkflowVersion, Workspace


async def test_an_empty_workspace_is_filled_once(db_session: AsyncSession, workspace: Workspace) -> None:
    for _ in range(2):
        await seed(db_session, workspace.id)
        await db_session.commit()
    found = (await db_session.scalars(select(Workflow).where(Workflow.tenant_id == workspace.id))).all()
    assert {flow.name for flow in found} == {"Segmented welcome", "Newsletter welcome", "Onboarding"}
    assert {(flow.status, flow.created_by, flow.created_by_key) for flow in found} == {("active", None, None)}
    people = select(func.count()).select_from(Contact).where(Contact.tenant_id == workspace.id)
    assert await db_session.scalar(people) == CONTACTS
    versions = await db_session.scalars(select(WorkflowVersion).where(WorkflowVersion.tenant_id == workspace.id))
    (goal,) = [goal for version in versions for goal in version.graph["goals"]]
    assert goal["checkContact"] is True
