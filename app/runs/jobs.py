"""The actor that cancels the open runs of archived and deleted workflows."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import dramatiq
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.engine import control
from app.lib import database, jobs
from app.runs import bulk_verbs, repository

log = structlog.get_logger()
BATCH = 2_000
"""Runs cancelled in one transaction: about 0.2 s, so that no worker waits long for a row."""
POLL_SECONDS = 10.0
"""Not urgent, so workers poll rarely: the poll matters only when the notification was lost."""
_looked_at = 0.0

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def end_removed_runs() -> None:
    """Cancel every run that is still active in an archived or deleted workflow."""
    jobs.acknowledge("end_removed_runs")
    asyncio.run(_work())


async def _work() -> None:
    async with database.job_engine() as engine:
        async with AsyncSession(engine) as session:
            removed = await repository.removed_workflows(session)
        for tenant_id, workflow_id in removed:
            ended = await _end(engine, tenant_id, workflow_id)
            log.info("runs.ended", tenant_id=tenant_id, workflow_id=str(workflow_id), count=ended)


async def _end(engine: AsyncEngine, tenant_id: int, workflow_id: UUID) -> int:
    ended, last = 0, None
    while True:
        async with database.committed(AsyncSession(engine)) as session:
            ids = await repository.active_run_ids(session, tenant_id, workflow_id, last, BATCH)
            if not ids:
                return ended
            ended += await control.cancel_runs(session, tenant_id, ids)
            last = ids[-1]


def poll_removed_workflows() -> None:
    """Look for left runs now and then, for the case that the notification was lost."""
    global _looked_at
    if time.monotonic() - _looked_at >= POLL_SECONDS:
        _looked_at = time.monotonic()
        asyncio.run(_work())


ACTORS = [end_removed_runs]
POLLS = [poll_removed_workflows]
"""What each worker calls every second."""
BULK = bulk_verbs.BULK
"""What is done with many runs: workers know it by this module."""
