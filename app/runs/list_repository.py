"""SQL of lists of runs: the ids of a page, by the index that each filter has in each of the two tables.

Runs under way and runs that ended are each looked for where they are, newest first, and put together by their ids, which are ordered by
time. What an index does not serve is looked at row by row, of a bounded number of rows (`app.models.bounded_repository`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.database import execute
from app.lib.ids import first_uuid7_of
from app.models import bounded_repository
from app.models.status import RunStatus

ACTIVE = tuple(status for status in RunStatus if status < RunStatus.COMPLETED)
ENDED = tuple(status for status in RunStatus if status >= RunStatus.COMPLETED)
LONGEST_QUEUE = timedelta(days=7)
"""A run that somebody asks for has its id from then on, and starts when a worker takes it: so much later at most, for its list by date."""
_AHEAD = timedelta(hours=1)
"""A run has its id a moment after the instant of its batch, by another machine's clock."""


class RunFilter(NamedTuple):
    """What a list is narrowed to; None leaves a field open. `started_from` is included, `started_to` is not."""

    workflow_id: UUID | None = None
    contact_id: UUID | None = None
    """Of this contact; with `without_contact` of nobody."""
    statuses: Sequence[RunStatus] | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    node_id: str | None = None
    without_contact: bool = False
    version: int | None = None
    oldest_first: bool = False


class IdPage(NamedTuple):
    """The ids of a page, and where the next one begins: behind an id, whether or not that run is listed. None: there is no more."""

    ids: list[UUID]
    next_before: UUID | None


class _Half(NamedTuple):
    """How runs of one table are looked for: by `led_by`, for each of `statuses` by itself when there are any, then by `others`."""

    table: str
    led_by: tuple[str, ...]
    statuses: tuple[int, ...] = ()
    others: tuple[str, ...] = ()

    def sql(self, bounds: Sequence[str], tail: str, *, others: bool = True, ascending: bool = False) -> str:
        conditions = [
            "t.tenant_id = %(tenant)s",
            *self.led_by,
            *(["t.status = s.status"] if self.statuses else []),
            *(f"t.id {bound}" for bound in bounds),
            *(self.others if others else ()),
        ]
        direction = "" if ascending else "desc"
        rows = f"select t.id from {self.table} t where {' and '.join(conditions)} order by t.id {direction} {tail}"  # noqa: S608
        if not self.statuses:
            return rows
        numbers = ", ".join(map(str, self.statuses))
        return f"select r.id from unnest('{{{numbers}}}'::smallint[]) as s(status) cross join lateral ({rows}) r"  # noqa: S608


async def ids_of_page(
    session: AsyncSession, tenant_id: int, wanted: RunFilter, before: UUID | None, limit: int
) -> IdPage:
    """The ids of the newest runs that fit, from the run before `before` on, or of the oldest, from the run behind it on."""
    ascending = wanted.oldest_first
    parameters: dict[str, Any] = {
        "tenant": tenant_id,
        "workflow": wanted.workflow_id,
        "contact": wanted.contact_id,
        "node": wanted.node_id,
        "started_from": wanted.started_from,
        "started_to": wanted.started_to,
        "version": wanted.version,
        "before": before,
    }
    bounds = [f"{'>' if ascending else '<'} %(before)s"] if before is not None else []
    if clock.is_system():
        if wanted.started_from is not None:
            bounds.append(">= %(first)s")
            parameters["first"] = first_uuid7_of(wanted.started_from, -LONGEST_QUEUE)
        if wanted.started_to is not None:
            bounds.append("< %(end)s")
            parameters["end"] = first_uuid7_of(wanted.started_to, _AHEAD)
    if wanted.contact_id is not None and await _has_few(session, tenant_id, wanted.contact_id):
        halves, edge = _of_contact(wanted), None
    else:
        halves = _halves(wanted)
        edge = await _edge(session, halves, bounds, parameters, ascending=ascending)
    if edge is not None:
        bounds.append(f"{'<=' if ascending else '>='} %(edge)s")
        parameters["edge"] = edge
    if not halves:
        return IdPage([], None)
    parts = " union all ".join(f"({half.sql(bounds, 'limit %(limit)s', ascending=ascending)})" for half in halves)
    rows = await execute(
        session,
        f"select id from ({parts}) as u order by id {'' if ascending else 'desc'} limit %(limit)s",  # noqa: S608  constants
        **parameters,
        limit=limit + 1,
    )
    ids = [row.id for row in rows]
    if len(ids) > limit:
        return IdPage(ids[:limit], ids[limit - 1])
    return IdPage(ids, edge)


async def neighbours(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, run_id: UUID
) -> tuple[UUID | None, UUID | None]:
    """The next newer and next older run of the same workflow."""
    halves = _halves(RunFilter(workflow_id=workflow_id))
    newer = " union all ".join(f"({half.sql(['> %(run)s'], 'limit 1', ascending=True)})" for half in halves)
    older = " union all ".join(f"({half.sql(['< %(run)s'], 'limit 1')})" for half in halves)
    sql = (
        f"select (select id from ({newer}) as n order by id limit 1) as newer,"  # noqa: S608  constants
        f" (select id from ({older}) as o order by id desc limit 1) as older"
    )
    (row,) = await execute(session, sql, tenant=tenant_id, workflow=workflow_id, run=run_id)
    return row.newer, row.older


async def _has_few(session: AsyncSession, tenant_id: int, contact_id: UUID) -> bool:
    """Are the runs of the contact few enough to be read and sorted?"""
    (row,) = await execute(
        session,
        "select (select count(*) from (select from ended_runs where tenant_id = %(tenant)s and contact_id = %(contact)s"
        " limit %(most)s) as e) + (select count(*) from (select from active_runs where tenant_id = %(tenant)s"
        " and contact_id = %(contact)s limit %(most)s) as a) as n",
        tenant=tenant_id,
        contact=contact_id,
        most=bounded_repository.FEW + 1,
    )
    return bool(row.n <= bounded_repository.FEW)


async def _edge(
    session: AsyncSession,
    halves: Sequence[_Half],
    bounds: Sequence[str],
    parameters: dict[str, Any],
    *,
    ascending: bool,
) -> UUID | None:
    """The last id that may be looked at: that of the first half to have LOOKED_AT rows before it."""
    tail = f"offset {bounded_repository.LOOKED_AT - 1} limit 1"
    if parts := [f"({half.sql(bounds, tail, others=False, ascending=ascending)})" for half in halves if half.others]:
        # max() of a uuid is not there before PostgreSQL 18.
        order = "" if ascending else "desc"
        sql = f"select id from ({' union all '.join(parts)}) as edges order by id {order} limit 1"  # noqa: S608  constants
        rows = await execute(session, sql, **parameters)
        return rows[0].id if rows else None
    return None


def _of_contact(wanted: RunFilter) -> list[_Half]:
    """All runs of a contact, read by its index and sorted: a fence keeps the planner from walking through all runs instead."""
    others = tuple(_others(wanted))
    active, ended = _by_table(wanted.statuses)
    halves = list[_Half]()
    for table, statuses, among in (("active_runs", active, ACTIVE), ("ended_runs", ended, ENDED)):
        if statuses:
            fenced = f"(select * from {table} where tenant_id = %(tenant)s and contact_id = %(contact)s offset 0)"  # noqa: S608
            halves.append(_Half(fenced, (), (), (*others, *_only(statuses, among))))
    return halves


def _halves(wanted: RunFilter) -> list[_Half]:
    active, ended = _by_table(wanted.statuses)
    return [*(_active(wanted, active) if active else ()), *(_ended(wanted, ended) if ended else ())]


def _active(wanted: RunFilter, statuses: tuple[RunStatus, ...]) -> list[_Half]:
    only = _only(statuses, ACTIVE)
    of_contact, of_workflow, at_node, dates = _conditions(wanted)
    if wanted.without_contact:
        return [_Half("active_runs", of_contact, (), (*of_workflow, *at_node, *only, *dates))]
    if wanted.workflow_id is not None and wanted.node_id is not None:
        return [_Half("active_runs", (*of_workflow, *at_node), (), (*of_contact, *only, *dates))]
    if wanted.workflow_id is not None:
        return [_Half("active_runs", of_workflow, statuses, (*of_contact, *dates))]
    if statuses == (RunStatus.HELD,):
        return [_Half("active_runs", only, (), (*of_contact, *at_node, *dates))]
    return [_Half("active_runs", (), (), (*of_contact, *at_node, *only, *dates))]


def _ended(wanted: RunFilter, statuses: tuple[RunStatus, ...]) -> list[_Half]:
    only = _only(statuses, ENDED)
    of_contact, of_workflow, at_node, dates = _conditions(wanted)
    if wanted.without_contact:
        return [_Half("ended_runs", of_contact, (), (*of_workflow, *at_node, *only, *dates))]
    if wanted.workflow_id is not None:
        return [_Half("ended_runs", of_workflow, statuses, (*of_contact, *at_node, *dates))]
    if RunStatus.COMPLETED not in statuses:
        return [_Half("ended_runs", ("t.status > 4",), statuses, (*of_contact, *at_node, *dates))]
    return [_Half("ended_runs", (), (), (*of_contact, *at_node, *only, *dates))]


Conditions = tuple[str, ...]


def _conditions(wanted: RunFilter) -> tuple[Conditions, Conditions, Conditions, Conditions]:
    """Of the contact, the workflow, the step, and of dates and version."""
    of_contact: Conditions = ()
    if wanted.contact_id is not None:
        of_contact += ("t.contact_id = %(contact)s",)
    if wanted.without_contact:
        of_contact += ("t.contact_id is null",)
    of_workflow: Conditions = ("t.workflow_id = %(workflow)s",) if wanted.workflow_id is not None else ()
    at_node: Conditions = ("t.current_node_id = %(node)s",) if wanted.node_id is not None else ()
    dates: Conditions = ()
    if wanted.started_from is not None:
        dates += ("t.started_at >= %(started_from)s",)
    if wanted.started_to is not None:
        dates += ("t.started_at < %(started_to)s",)
    if wanted.version is not None:
        dates += ("t.workflow_version = %(version)s",)
    return of_contact, of_workflow, at_node, dates


def _others(wanted: RunFilter) -> Conditions:
    return tuple(condition for conditions in _conditions(wanted) for condition in conditions)


def _by_table(statuses: Sequence[RunStatus] | None) -> tuple[tuple[RunStatus, ...], tuple[RunStatus, ...]]:
    """Those under way, and those of ended runs; all of both without a filter."""
    wanted = set(statuses or RunStatus)
    return tuple(s for s in ACTIVE if s in wanted), tuple(s for s in ENDED if s in wanted)


def _only(statuses: tuple[RunStatus, ...], among: tuple[RunStatus, ...]) -> Conditions:
    """The condition that a run has one of them; none when all that there are will do."""
    if statuses == among:
        return ()
    return (
        (f"t.status = {statuses[0]:d}",)
        if len(statuses) == 1
        else (f"t.status in ({', '.join(f'{s:d}' for s in statuses)})",)
    )
