"""The SQL of the overview. Counters come from `app.counters.run_counters`; lists are capped and walk small partial indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select, text

from app.counters.parked_run_repository import parked_runs
from app.models import ActiveRun, Connector, Contact, EntryRefusal, Template, Workflow
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page


class InsightRepository(TenantRepository[ActiveRun]):
    """The active runs of a workspace as the overview counts them, and what the workspace was given to run with."""

    model = ActiveRun

    async def has_setup(self) -> tuple[bool, bool, bool, dict[str, int]]:
        """Is there any connector, contact and template in this workspace? And how many workflows of each status that occurs."""
        present = (exists().where(kind.tenant_id == self.tenant_id) for kind in (Connector, Contact, Template))
        counts = (
            select(Workflow.status, func.count().label("n"))
            .where(Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None))
            .group_by(Workflow.status)
            .subquery()
        )
        statuses = select(func.coalesce(func.jsonb_object_agg(counts.c.status, counts.c.n), text("'{}'::jsonb")))
        row: Any = (await self.session.execute(select(*present, statuses.scalar_subquery()))).one()
        return row[0], row[1], row[2], row[3]

    async def due(self, now: datetime, hours: int, limit: int, most: int) -> Sequence[Any]:
        """(workflow, name, count, first, until) of waits of active workflows that end within so many hours, the fullest first.

        Of each workflow `most` are counted, the next ones first. `until`: of them those of the first hour, of the first two, and so on.
        """
        marks = [now + timedelta(hours=hour) for hour in range(1, hours + 1)]
        within = (ActiveRun.resume_at > now, ActiveRun.resume_at <= marks[-1])
        runs = parked_runs(*within, most=most, marks=marks)
        query = (
            select(Workflow.id, Workflow.name, runs.c.count, runs.c.first, runs.c.until)
            .join(runs, runs.c.count > 0)
            .where(Workflow.tenant_id == self.tenant_id, Workflow.status == "active", Workflow.deleted_at.is_(None))
            .order_by(runs.c.count.desc(), runs.c.first)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()


class RefusalRepository(TenantRepository[EntryRefusal]):
    """Entries that workflows refused."""

    model = EntryRefusal

    async def newest(self, workflow_id: UUID, cursor: str | None, limit: int) -> Page[EntryRefusal]:
        """Those of a workflow, the last first."""
        of_workflow = EntryRefusal.workflow_id == workflow_id
        return await self.page([EntryRefusal.id], cursor, limit, of_workflow, newest=True)
