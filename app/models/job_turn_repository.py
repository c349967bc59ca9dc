"""Which job goes on next, of jobs that are done batch by batch: workspaces take turns, however many jobs each of them has."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models.base import HasTenantKey

Job = TypeVar("Job", bound=HasTenantKey)


class JobTurns:
    """Where a worker stands in the circle of workspaces, for one kind of job. Each process has its own place."""

    __slots__ = ("last_workspace",)

    def __init__(self) -> None:
        self.last_workspace = -1
        """The one whose batch was done last: the next one is of a workspace behind it."""

    async def lock_next(
        self, session: AsyncSession, model: type[Job], due: ColumnElement[bool], since: InstrumentedAttribute[object]
    ) -> Job | None:
        """The job of the next workspace that is `due` and that nobody else holds; of several, the one that waits longest by `since`.

        All that are due are looked at, by the index of those under way: a workspace has a handful.
        """
        served = model.tenant_id <= self.last_workspace
        query = select(model.tenant_id, model.id).where(due).order_by(served, model.tenant_id, since, model.id)
        row = (await session.execute(query.limit(1).with_for_update(skip_locked=True))).first()
        if row is None:
            return None
        self.last_workspace = row.tenant_id
        return await session.get(model, (row.tenant_id, row.id), populate_existing=True)
