"""The runs of a workspace that stand before a question to a person."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.models import ActiveRun, Contact, Workflow
from app.models.status import PERSON, RunStatus
from app.models.tenant_repository import TenantRepository, refers_to


class AskingRun(NamedTuple):
    """A run with whom it is about and the workflow it belongs to."""

    run: ActiveRun
    contact: Contact | None
    workflow: Workflow


class AskingRunRepository(TenantRepository[ActiveRun]):
    """Reads by the partial index of runs that ask."""

    model = ActiveRun

    async def waiting(self, after: UUID | None, limit: int) -> list[AskingRun]:
        """Those that began first come first; `after` is the id of the last one of the page before."""
        query = (
            select(ActiveRun, Contact, Workflow)
            .join(Contact, refers_to(ActiveRun.contact_id, Contact), isouter=True)
            .join(Workflow, refers_to(ActiveRun.workflow_id, Workflow))
            .where(self.own, ActiveRun.waits_for == PERSON, ActiveRun.status == RunStatus.WAITING)
            .order_by(ActiveRun.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(ActiveRun.id > after)
        return [AskingRun(*row) for row in (await self.session.execute(query)).all()]
