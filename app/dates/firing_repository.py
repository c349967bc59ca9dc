"""The firings of a trigger that watches a date: a day of it, and its going live for dates that had come already.

Each that is limited, or can be stopped, is an enrolment (`Enrolment.firing`): so people see how far it is, stop it, and a limit counts who
really enters, by the same means as those of schedules. `firing` moves it; no piece of it is ever due.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.dates.repository import DueDateSchedule
from app.enrolments import entering_repository
from app.enrolments.service import PER_MINUTE
from app.lib.database import execute
from app.lib.ids import uuid7
from app.lib.translation import gettext, translatable
from app.models.status import EnrolmentStatus

EXISTING = "existing"
"""The firing of dates that had come when the trigger went live."""
BY = translatable("The date")
_KEY = "tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(trigger)s"
_TAKE = f"""
select id, firing, status, enrolled, open_runs from enrolments
where {_KEY} and (firing = any(%(firings)s::text[]) or (firing is not null and open_runs is not null)) order by id for update
"""  # noqa: S608
_SAVE = f"""
insert into enrolments (tenant_id, id, workflow_id, trigger_id, reason, audience, event, status, expected, enrolled, most, per_minute,
  started_by, ended_at, firing, open_runs)
values (%(tenant)s, %(id)s, %(workflow)s, %(trigger)s, %(reason)s, '{{}}', '{{}}', %(status)s, %(most)s, %(enrolled)s, %(most)s,
  {PER_MINUTE}, '{BY}', case when %(status)s <> 'running' then clock_now() end, %(firing)s, nullif(%(open_runs)s::uuid[], '{{}}'))
on conflict (tenant_id, id) do update set enrolled = excluded.enrolled, most = excluded.most, open_runs = excluded.open_runs,
  updated_at = clock_now()
"""  # noqa: S608
_RETIRE = f"""
update enrolments set firing = null, open_runs = null, status = case when status = 'running' then 'stopped' else status end,
  error = case when status = 'running' then %(why)s else error end, ended_at = coalesce(ended_at, clock_now()), updated_at = clock_now()
where {_KEY} and firing = '{EXISTING}'
"""  # noqa: S608
_BEGIN = f"""
insert into enrolments (tenant_id, id, workflow_id, trigger_id, reason, audience, event, most, per_minute, started_by, firing)
values (%(tenant)s, %(id)s, %(workflow)s, %(trigger)s, %(reason)s, '{{}}', '{{}}', %(most)s, {PER_MINUTE}, '{BY}', '{EXISTING}')
"""  # noqa: S608
# How many there are is known when the dates of all contacts are read.
_COUNT = f"""
update enrolments e set expected = least(e.most, e.enrolled + (
  select count(*) from due_dates d where d.tenant_id = e.tenant_id and d.workflow_id = e.workflow_id and d.trigger_id = e.trigger_id
    and d.next_at <= s.since))
from date_schedules s
where e.{_KEY.replace(" and ", " and e.")} and e.firing = '{EXISTING}' and e.expected is null and e.status = 'running'
  and s.tenant_id = e.tenant_id and s.workflow_id = e.workflow_id and s.trigger_id = e.trigger_id and s.built_at is not null
"""  # noqa: S608
DONE_SQL = f"""
update enrolments e set status = 'done', ended_at = clock_now(), updated_at = clock_now(), expected = coalesce(expected, enrolled)
from date_schedules s
where e.{_KEY.replace(" and ", " and e.")} and e.firing = '{EXISTING}' and e.status = 'running' and e.open_runs is null
  and s.tenant_id = e.tenant_id and s.workflow_id = e.workflow_id and s.trigger_id = e.trigger_id and s.built_at is not null
  and not exists (
    select from due_dates d where d.tenant_id = e.tenant_id and d.workflow_id = e.workflow_id and d.trigger_id = e.trigger_id
      and d.next_at <= s.since)
"""  # noqa: S608
"""Dates that had come are through when those of all contacts are read and nobody is due for one."""


@dataclass(slots=True)
class Firing:
    """One of them, locked. `open_runs`: runs of which it is not known yet whether they begin."""

    id: UUID
    name: str
    status: str = EnrolmentStatus.RUNNING.value
    enrolled: int = 0
    open_runs: list[UUID] = field(default_factory=list)
    changed: bool = False

    @property
    def stopped(self) -> bool:
        """Has somebody stopped it?"""
        return self.status == EnrolmentStatus.STOPPED


class Firings:
    """Those of one trigger that a piece of contacts is about, and those of which somebody is not decided. `most`: by each; None: all."""

    def __init__(self, due: DueDateSchedule, title: str, most: int | None) -> None:
        self._due, self._title, self.most = due, title, most
        self._by_name: dict[str, Firing] = {}

    async def load(self, session: AsyncSession, names: Collection[str]) -> None:
        """Take these, and count who of each has entered where all are decided."""
        rows = await execute(session, _TAKE, **self._due.place, firings=list(names))
        for row in rows:
            one = Firing(row.id, row.firing, row.status, row.enrolled, list(row.open_runs or ()))
            self._by_name[one.name] = one
            if one.open_runs:
                outcome = await entering_repository.outcome_of(session, self._due.tenant_id, one.open_runs)
                if not (outcome.unread or outcome.waiting):
                    one.enrolled, one.open_runs, one.changed = one.enrolled + outcome.entered, [], True
        if self.most is not None:
            for name in names:
                if name != EXISTING and name not in self._by_name:
                    self._by_name[name] = Firing(uuid7(), name, EnrolmentStatus.DONE.value, changed=True)

    @property
    def undecided(self) -> bool:
        """Is it still to be counted who of some has entered?"""
        return any(one.open_runs for one in self._by_name.values())

    def room(self, name: str, wanted: int) -> int | None:
        """How many of `wanted` may be asked in now. None: that is known when those before them are decided."""
        one = self._by_name.get(name)
        if one is not None and one.stopped:
            return 0
        if one is None or self.most is None:
            return wanted
        return None if one.open_runs else min(wanted, self.most - one.enrolled)

    def is_stopped(self, name: str) -> bool:
        """Has somebody stopped it, so that it lets nobody in any more?"""
        one = self._by_name.get(name)
        return one is not None and one.stopped

    def ask(self, name: str, run_ids: Sequence[UUID]) -> None:
        """These runs are asked for."""
        one = self._by_name.get(name)
        if one is not None and run_ids:
            one.changed = True
            if self.most is None:
                one.enrolled += len(run_ids)
            else:
                one.open_runs = list(run_ids)

    async def save(self, session: AsyncSession) -> None:
        """Write what has changed; the one of dates that had come is over when nobody of it is due any more."""
        for one in self._by_name.values():
            if one.changed:
                await execute(
                    session,
                    _SAVE,
                    **self._due.place,
                    id=one.id,
                    reason=f"{self._title}: {one.name}",
                    status=one.status,
                    enrolled=one.enrolled,
                    most=self.most,
                    firing=one.name,
                    open_runs=one.open_runs,
                )
        await execute(session, DONE_SQL, **self._due.place)


async def count_existing(session: AsyncSession, due: DueDateSchedule) -> None:
    """Note how many have a date that had come, once that is known."""
    await execute(session, _COUNT, **due.place)


async def begin_existing(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, trigger_id: str, title: str, most: int | None
) -> None:
    """Those whose date has come may enter from now on; an earlier time that a trigger went live counts no more."""
    await end_existing(session, tenant_id, workflow_id, trigger_id, gettext("The trigger says something else by now."))
    place = {"tenant": tenant_id, "workflow": workflow_id, "trigger": trigger_id}
    reason = f"{title}: dates that had come already"
    await execute(session, _BEGIN, **place, id=uuid7(), reason=reason, most=most)


async def end_existing(session: AsyncSession, tenant_id: int, workflow_id: UUID, trigger_id: str, why: str) -> None:
    """Nobody else enters for a date that had come."""
    await execute(session, _RETIRE, tenant=tenant_id, workflow=workflow_id, trigger=trigger_id, why=why)
