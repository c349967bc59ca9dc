"""What other programs hear of workflows."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.domain_events.outbox_repository import DomainEvent, tell
from app.domain_events.types import ACTIVATED, PAUSED
from app.lib import clock
from app.models import Workflow
from app.models.status import WorkflowStatus

_STATUSES = {WorkflowStatus.ACTIVE: ACTIVATED, WorkflowStatus.PAUSED: PAUSED}


async def tell_of(session: AsyncSession, name: str, workflow: Workflow, by: Principal) -> None:
    """Write down that somebody did this to a workflow."""
    data = {
        "workflowId": str(workflow.id),
        "name": workflow.name,
        "version": workflow.live_version,
        "by": by.name,
    }
    await tell(session, [DomainEvent(workflow.tenant_id, name, None, data, clock.now())])


async def set_status(session: AsyncSession, workflow: Workflow, status: WorkflowStatus, by: Principal) -> bool:
    """Make a workflow active or paused, and tell it. False: it is so already, and nobody hears of it."""
    if workflow.status == status:
        return False
    workflow.status = status.value
    await tell_of(session, _STATUSES[status], workflow, by)
    return True
