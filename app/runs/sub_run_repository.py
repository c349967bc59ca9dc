"""SQL of runs that call, and of those that were called: which step called what, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.lib.database import execute
from app.models import Enrolment, SubRun, Workflow
from app.models.status import RunStatus
from app.models.tenant_repository import TenantRepository

SHOWN = 20
"""Called runs of one step that its run's page lists."""
COUNTED = 10_000
"""Called runs of one step that are counted, those first that were asked for first. A call for a segment may have 100,000."""
_NEXT_SEQ = """
select s.parent_seq from sub_runs s where s.tenant_id = %(tenant)s and s.parent_run_id = %(run)s and s.parent_seq > {0}
order by s.parent_seq limit 1
"""


def counts_sql(most: int) -> str:
    """How many called runs of each step stand how, of the first `most`, and how many others were looked at. From step to step by an index
    probe each."""
    return f"""
with recursive q as (
  (select n.parent_seq from ({_NEXT_SEQ.format("-1")}) n)
  union all
  select n.parent_seq from q cross join lateral ({_NEXT_SEQ.format("q.parent_seq")}) n)
select q.parent_seq, workflow_id, status, ended_at is null as open, count(*) filter (where place <= {most}) as n,
  count(*) filter (where place > {most}) as more
from q cross join lateral (
  select s.workflow_id, s.status, s.ended_at, row_number() over (order by s.run_id) as place from sub_runs s
  where s.tenant_id = %(tenant)s and s.parent_run_id = %(run)s and s.parent_seq = q.parent_seq order by s.run_id limit {most + 1}) s
group by 1, 2, 3, 4 order by 1
"""  # noqa: S608  numbers and constants


_COUNTS = counts_sql(COUNTED)
_FIRST = f"""
select s.parent_seq, s.run_id, s.status, s.refused, s.ended_at is null as open, r.status as standing
from unnest(%(seqs)s::smallint[]) as q(seq) cross join lateral (
  select * from sub_runs s where s.tenant_id = %(tenant)s and s.parent_run_id = %(run)s and s.parent_seq = q.seq
  order by s.run_id limit {SHOWN}) s
left join active_runs r on r.tenant_id = %(tenant)s and r.id = s.run_id
order by s.parent_seq, s.run_id
"""  # noqa: S608  constants


class CallingRun(NamedTuple):
    """The run whose step called another one, and what its workflow is called."""

    run_id: UUID
    workflow_id: UUID
    workflow_name: str
    seq: int


class StepCalls(NamedTuple):
    """What a step called: how many runs stand how, by word, and the first of them with word and reason of a refusal.

    `more`: the counts are of the first COUNTED, and there are others.
    """

    workflow_id: UUID
    counts: dict[str, int]
    first: list[tuple[UUID, str, str | None]]
    enrolment: Enrolment | None
    """That of a call for a segment."""
    more: bool = False


def _word(status: int | None, *, is_open: bool, standing: int | None = None) -> str:
    if is_open:
        return RunStatus.RUNNING.word if standing is None else RunStatus(standing).word
    return "refused" if status is None else RunStatus(status).word


class SubRunRepository(TenantRepository[SubRun]):
    """The called runs of a workspace."""

    model = SubRun

    async def callers(self, run_ids: Sequence[UUID]) -> dict[UUID, CallingRun]:
        """Who called these runs, by their ids; those that nobody called are missing."""
        if not run_ids:
            return {}
        query = (
            select(SubRun.run_id, SubRun.parent_run_id, SubRun.parent_workflow_id, Workflow.name, SubRun.parent_seq)
            .join(Workflow, (Workflow.tenant_id == SubRun.tenant_id) & (Workflow.id == SubRun.parent_workflow_id))
            .where(self.own, SubRun.run_id.in_(run_ids))
        )
        rows = await self.session.execute(query)
        return {run_id: CallingRun(parent, workflow, name, seq) for run_id, parent, workflow, name, seq in rows}

    async def by_step(self, run_id: UUID) -> dict[int, StepCalls]:
        """What the steps of a run called, by the number of the step."""
        calls: dict[int, StepCalls] = {}
        for enrolment in await self._enrolments(run_id):
            calls[enrolment.seq or 0] = StepCalls(enrolment.workflow_id, {}, [], enrolment)
        own: dict[str, Any] = {"tenant": self.tenant_id, "run": run_id}
        for row in await execute(self.session, _COUNTS, **own):
            step = calls.setdefault(row.parent_seq, StepCalls(row.workflow_id, {}, [], None))
            word = _word(row.status, is_open=row.open)
            if row.n:
                step.counts[word] = step.counts.get(word, 0) + row.n
            if row.more:
                calls[row.parent_seq] = step._replace(more=True)
        if calls:
            for row in await execute(self.session, _FIRST, **own, seqs=list(calls)):
                word = _word(row.status, is_open=row.open, standing=row.standing)
                calls[row.parent_seq].first.append((row.run_id, word, row.refused))
        return calls

    async def _enrolments(self, run_id: UUID) -> Sequence[Enrolment]:
        query = select(Enrolment).where(Enrolment.tenant_id == self.tenant_id, Enrolment.run_id == run_id)
        return (await self.session.scalars(query.order_by(Enrolment.id))).all()
