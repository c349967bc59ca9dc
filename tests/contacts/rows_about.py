"""Rows about contacts that hold no text: who is in segments, and when dates are due."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models.due_date import DateSchedule, DueDate
from app.models.segment import SegmentMember
from app.models.workflow import Workflow


async def watching_trigger(session: AsyncSession, tenant_id: int) -> dict[str, Any]:
    """The key of a new one."""
    workflow = {"tenant_id": tenant_id, "id": uuid7(), "name": "A", "status": "active", "draft": {}}
    await session.execute(insert(Workflow).values(workflow))
    key = {"tenant_id": tenant_id, "workflow_id": workflow["id"], "trigger_id": "a"}
    row = {**key, "trigger": {}, "zone": "UTC", "active": True, "since": clock.now()}
    await session.execute(insert(DateSchedule).values(row))
    return key


async def dated_contacts(session: AsyncSession) -> set[UUID]:
    """Contacts that have due dates."""
    return set((await session.scalars(select(DueDate.contact_id))).all())


async def members(session: AsyncSession, contact_id: UUID) -> int:
    """In how many segments a contact is."""
    rows = await session.scalars(select(SegmentMember).where(SegmentMember.contact_id == contact_id))
    return len(rows.all())
