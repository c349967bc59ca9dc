"""Rows of runs as the engine writes them, for tests that read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Contact, Step, Workspace
from app.models.status import RunStatus, StepStatus
from tests.fixtures.runs import RunRecord, run_row
from tests.workflows.examples import PATH, created

FLOW: dict[str, Any] = {
    "name": "Cart",
    "trigger": {"type": "event", "event": "cart.left"},
    "nodes": [
        {"id": "ask", "type": "condition", "data": {"conditions": [{"field": "event.sum", "operator": "exists"}]}},
        {"id": "wait", "type": "delay", "name": "A day", "data": {"duration": 1, "unit": "days"}},
        {"id": "tag", "type": "add_tag", "data": {"tag": "back"}},
        {"id": "end", "type": "end"},
    ],
    "edges": [
        {"source": "trigger", "target": "ask"},
        {"source": "ask", "target": "wait", "sourceHandle": "true"},
        {"source": "ask", "target": "end", "sourceHandle": "false"},
        {"source": "wait", "target": "tag"},
        {"source": "tag", "target": "end"},
    ],
}


async def live_flow(admin: httpx.AsyncClient, **changes: Any) -> str:
    """Create and activate the flow; answers its id."""
    flow = await created(admin, FLOW | changes)
    answer = await admin.post(f"{PATH}/{flow['id']}/activate")
    assert answer.status_code == 200, answer.text
    workflow_id: str = flow["id"]
    return workflow_id


async def make_contact(session: AsyncSession, workspace: Workspace, **fields: Any) -> Contact:
    contact = Contact(id=uuid7(), tenant_id=workspace.id, **fields)
    session.add(contact)
    await session.flush()
    return contact


async def make_run(
    session: AsyncSession,
    workspace: Workspace,
    workflow_id: str,
    status: RunStatus,
    at: datetime,
    *,
    contact_id: UUID | None = None,
    **fields: Any,
) -> RunRecord:
    """One run that started at `at`."""
    over = status >= RunStatus.COMPLETED
    values: dict[str, Any] = {
        "seq": 0,
        "completed_at": at + timedelta(hours=1) if over else None,
        "trigger_event": {"sum": 40},
        **fields,
    }
    run = run_row(
        id=uuid7(),
        contact_id=contact_id or uuid7(),
        tenant_id=workspace.id,
        workflow_id=UUID(workflow_id),
        workflow_version=1,
        started_at=at,
        status=status,
        **values,
    )
    session.add(run)
    await session.flush()
    return run


async def make_step(
    session: AsyncSession,
    run: RunRecord,
    seq: int,
    node_id: str,
    at: datetime,
    status: StepStatus = StepStatus.COMPLETED,
    **fields: Any,
) -> None:
    """A finished step."""
    session.add(
        Step(
            tenant_id=run.tenant_id,
            run_id=run.id,
            seq=seq,
            node_id=node_id,
            status=status,
            started_at=at,
            completed_at=at,
            **fields,
        )
    )
    await session.flush()
