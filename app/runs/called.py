"""What runs have to do with one another, as their pages and the API say it: who called a run, and what its steps called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.entry_reasons import reason_text
from app.models import Run
from app.models.status import EnrolmentStatus, RunOrigin
from app.runs.schemas import CalledOut, CalledRunOut, CallerOut
from app.runs.sub_run_repository import COUNTED, StepCalls, SubRunRepository
from app.workflows.repository import WorkflowRepository


class CallViews:
    """Calls between runs of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._rows = SubRunRepository(session, tenant_id)
        self._workflows = WorkflowRepository(session, tenant_id)

    async def callers(self, runs: Iterable[Run]) -> dict[UUID, CallerOut]:
        """Who called these runs. A query only where one of them was called."""
        called = [run.id for run in runs if run.origin == RunOrigin.CALLED]
        callers = await self._rows.callers(called)
        return {
            run_id: CallerOut(run_id=one.run_id, workflow_id=one.workflow_id, workflow_name=one.workflow_name)
            for run_id, one in callers.items()
        }

    async def by_step(self, run_id: UUID) -> dict[int, CalledOut]:
        """What the steps of a run called, by their numbers."""
        calls = await self._rows.by_step(run_id)
        names = await self._workflows.names({one.workflow_id for one in calls.values()}) if calls else {}
        return {seq: _called(one, names.get(one.workflow_id, "A workflow")) for seq, one in calls.items()}


def _called(calls: StepCalls, name: str) -> CalledOut:
    enrolment = calls.enrolment
    out = CalledOut(workflow_id=calls.workflow_id, workflow_name=name, counts=calls.counts, runs=_runs(calls.first))
    out.counted_first = COUNTED if calls.more else None
    if enrolment is not None:
        out.enrolment_id, out.expected, out.had_turn = enrolment.id, enrolment.expected, enrolment.enrolled
        out.enrolling = enrolment.status == EnrolmentStatus.RUNNING
        out.stopped_by, out.error = enrolment.stopped_by, enrolment.error
    return out


def _runs(first: Sequence[tuple[UUID, str, str | None]]) -> list[CalledRunOut]:
    return [
        CalledRunOut(id=run_id, status=word, reason=reason_text(reason, None) if reason else None)
        for run_id, word, reason in first
    ]
