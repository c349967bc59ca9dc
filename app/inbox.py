"""The engine's inbox: work that the engine has not handled yet. All writers of it use this module.

A row is written in the transaction of whatever caused it and deleted in the one that handles it. What a workflow causes, or is asked to
start, waits with its priority: rows of one priority are handled in the order in which they came, but those of a `lane` of their own, which
take turns with the others. The functions are for a session or a psycopg connection; those called `…_sql` build the statement for a part of
a larger one (`with … as (…)`), which stores and queues at once. `contact_inbox_repository` has what concerns single contacts. No other
module inserts into the table (a test keeps it so); the engine reads it in `app.engine.claim`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum, unique
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox_lane import LANE_OF_RUN_SQL, lane_of
from app.lib import clock, jobs
from app.lib.database import execute
from app.lib.ids import uuid7_many
from app.models.status import Priority

ENGINE = "advance"
"""The actor that empties the inbox."""


@unique
class InboxKind(IntEnum):
    """What a row asks of the engine. The numbers are stored; a process leaves unknown ones to a newer release."""

    EVENT = 0
    """Something happened to a contact. With a `workflow_id` that workflow caused it."""
    START = 1
    """Start run `run_id` of `workflow_id`, of the contact or without one."""
    SETTLED = 2
    """A message that run `run_id` waits for has a final status, or what it called is over; the payload says which."""
    ERASED = 3
    """The contact was deleted: cancel its runs."""
    DEFERRED = 4
    """An event that may still start runs of `workflow_id` alone, by a process that understands it."""
    FOR_RUN = 5
    """An event that is still to be told to run `run_id` alone, by a process that understands its step: goals and waits."""
    AT_TRIGGER = 6
    """Start run `run_id` of `workflow_id`, of the contact or without one, at the trigger of the live version whose id is `name`."""
    CALLED = 7
    """Start run `run_id` of `workflow_id`, of the contact or without one, which a step of another run called (`sub_runs`)."""
    FOLLOW = 8
    """A contact came or changed, which starts nothing and reaches no goal: what is kept beside contacts follows. `name` and payload as
    of the event that others hear."""


_LEFT = (InboxKind.DEFERRED, InboxKind.FOR_RUN)
READY_SQL = f"kind in ({', '.join(str(int(kind)) for kind in InboxKind if kind not in _LEFT)})"
"""Of rows that any worker of this release handles; others wait for a newer one."""
CHANGE_EVENT_COLUMNS = {
    "tenant_id": "int", "name": "text", "contact_id": "uuid", "workflow_id": "uuid", "depth": "smallint",
    "payload": "jsonb", "occurred_at": "timestamptz", "at": "timestamptz", "priority": "smallint", "event_id": "uuid", "lane": "bigint",
}  # fmt: skip
"""What the engine copies for events that its own steps cause, with their PostgreSQL types. Their `kind` is the table's default, EVENT."""
PRIORITY_SQL = f"""
coalesce((select f.priority from workflows f where f.tenant_id = {{0}}.tenant_id and f.id = {{0}}.workflow_id), {Priority.NORMAL:d})
"""  # noqa: S608  constants


def notify_engine(session: AsyncSession) -> None:
    """Have the engine look into its inbox after the commit."""
    jobs.enqueue(session, ENGINE)


def notify_engine_now() -> None:
    """Have the engine look into its inbox: for whoever has committed already, on a connection of its own."""
    jobs.notify(ENGINE)


def events_sql(source: str, *, caused: bool = False, lane: str = "") -> str:
    """Puts an event for each row of `source`: `id, tenant_id, contact_id, name, properties` (JSON), `occurred_at`; in order of id.

    `caused`: workflows may have caused them; then rows say `workflow_id` and `depth` too. `lane`: SQL of their lane. The
    clock is asked once for all of them: as the column's default it costs 4 us an event.
    """
    columns, values = "", ""
    if caused:
        columns, values = ", workflow_id, depth, priority", f", workflow_id, depth, {PRIORITY_SQL.format('happened')}"
        source = f"(select * from {source}) as happened"  # noqa: S608  a source of ours
    if lane:
        columns, values = f"{columns}, lane", f"{values}, {lane}"
    return f"""
    insert into inbox (tenant_id, kind, name, contact_id, event_id, payload, occurred_at, at{columns})
    select tenant_id, {InboxKind.EVENT:d}, name, contact_id, id, properties::jsonb, occurred_at, (select clock_now()){values}
    from {source} order by id
    """  # noqa: S608  constants


def followed_sql(source: str) -> str:
    """Lets what is kept beside contacts follow each row of `source`, of which nobody is told: `tenant_id, contact_id, name, properties`
    (jsonb), `occurred_at`, `lane`."""
    return f"""
    insert into inbox (tenant_id, kind, name, contact_id, payload, occurred_at, at, lane)
    select tenant_id, {InboxKind.FOLLOW:d}, name, contact_id, properties, occurred_at, (select clock_now()), lane from {source}
    """  # noqa: S608  constants


def settled_sql(source: str, *, port: str, error: str, output: str) -> str:
    """Puts a note for each row of `source`, which are messages or called runs; answers the runs that wait for them.

    `port`, `error` (text, null for none) and `output` (jsonb) are SQL over the columns of `source`.
    """
    return f"""
    insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at, at, priority, lane)
    select tenant_id, {InboxKind.SETTLED:d}, 'message.settled', contact_id, workflow_id, run_id,
      jsonb_build_object('seq', seq, 'port', {port}, 'error', {error}, 'output', {output}), (select clock_now()), (select clock_now()),
      {PRIORITY_SQL.format("settled")}, {LANE_OF_RUN_SQL.format("settled")}
    from (select * from {source}) as settled
    returning run_id
    """  # noqa: S608  constants


def retry_sql(source: str) -> str:
    """Puts rows of `dead_letters` back as they arrived; answers their new ids. The old ones of those without times get when they failed."""
    return f"""
    insert into inbox (tenant_id, kind, name, contact_id, event_id, workflow_id, run_id, payload, depth, occurred_at, at, lane)
    select tenant_id, kind, name, contact_id, event_id, workflow_id, run_id, payload, depth, coalesce(occurred_at, at),
      coalesce(arrived_at, at), lane from {source} order by id returning id
    """  # noqa: S608  constants


_ERASED = f"""
insert into inbox (tenant_id, kind, name, contact_id, occurred_at)
values (%(tenant)s, {InboxKind.ERASED:d}, 'contact.erased', %(contact)s, %(at)s)
"""  # noqa: S608  constants


BY_HAND = "manual"
"""The name of a start that leaves the choice of the trigger to the version that is live when it is handled."""
_STARTS = f"""
insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at, at, lane, priority)
select tenant_id, %(kind)s, %(name)s, contact_id, workflow_id, run_id, %(payload)b::jsonb, %(at)s, (select clock_now()), %(lane)s,
  {PRIORITY_SQL.format("started")}
from (
  select %(tenant)s::int as tenant_id, %(workflow)s::uuid as workflow_id, * from unnest(%(contacts)b::uuid[], %(runs)b::uuid[])
    with ordinality as u(contact_id, run_id, place)) as started
order by place
"""  # noqa: S608  constants


async def start(
    session: AsyncSession,
    tenant_id: int,
    *,
    workflow_id: UUID,
    contact_ids: Sequence[UUID | None],
    properties: dict[str, Any],
) -> list[UUID]:
    """Ask the engine to start a run for each of `contact_ids` (None: one without a contact). Returns the ids that the runs will have.

    They begin by the first trigger that is made for such starts. Who calls has checked that they may.
    """
    return await _starts(
        session, tenant_id, InboxKind.START, BY_HAND, workflow_id, contact_ids, properties, clock.now()
    )


async def start_at(
    session: AsyncSession,
    tenant_id: int,
    *,
    workflow_id: UUID,
    trigger_id: str,
    contact_ids: Sequence[UUID | None],
    properties: dict[str, Any],
    occurred_at: datetime | None = None,
    run_ids: Sequence[UUID] | None = None,
) -> list[UUID]:
    """Ask the engine to start a run for each of `contact_ids` (None: one without a contact) at a trigger of the live version.

    One statement, however many. `properties` are the run's event, which happened at `occurred_at` (now). Returns the ids that the runs
    will have, in order: `run_ids`, where somebody had to know them before. The engine asks the trigger's conditions and the workflow's
    rules of entry; a trigger that is switched off or not there any more starts nothing, and a refusal says so.
    """
    at = occurred_at or clock.now()
    return await _starts(
        session, tenant_id, InboxKind.AT_TRIGGER, trigger_id, workflow_id, contact_ids, properties, at, run_ids
    )


async def _starts(
    session: AsyncSession,
    tenant_id: int,
    kind: InboxKind,
    name: str,
    workflow_id: UUID,
    contact_ids: Sequence[UUID | None],
    properties: dict[str, Any],
    at: datetime,
    run_ids: Sequence[UUID] | None = None,
) -> list[UUID]:
    run_ids = list(run_ids or [UUID(bytes=run_id) for run_id in uuid7_many(len(contact_ids))])
    if run_ids:
        await execute(
            session,
            _STARTS,
            tenant=tenant_id,
            kind=int(kind),
            name=name,
            workflow=workflow_id,
            contacts=list(contact_ids),
            runs=run_ids,
            payload=Jsonb(properties),
            at=at,
            lane=lane_of(session),
        )
        notify_engine(session)
    return run_ids


_WAITING = f"""
select count(*) as n from (
  select from inbox where tenant_id = %(tenant)s and priority in ({", ".join(f"{one:d}" for one in Priority)}) and lane = %(lane)s
  limit %(most)s) as w
"""  # noqa: S608  constants


async def waiting_in_lane(session: AsyncSession, tenant_id: int, lane: int, most: int) -> int:
    """How many rows of a lane the engine has not looked at yet, counted as far as `most`."""
    rows = await execute(session, _WAITING, tenant=tenant_id, lane=lane, most=most)
    return int(rows[0].n)


class CallingStep(NamedTuple):
    """The step of a run that calls a workflow."""

    tenant_id: int
    run_id: UUID
    seq: int
    workflow_id: UUID


def called_sql(source: str) -> str:
    """Notes the runs of `source` in `sub_runs` and asks the engine for them, in order of `place`.

    Rows of `source`: `tenant_id, run_id, contact_id, workflow_id` of the run that is asked for, `parent_run_id, parent_seq,
    parent_workflow_id` of the step that asks, `awaited`, `payload` (jsonb), `depth`, `lane` and `place`. A step that is done once more
    waits for what it calls now, not for what it called before.
    """
    return f"""
    with called as materialized (select * from {source}),
    noted as (
      insert into sub_runs (tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, asked_at)
      select tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, (select clock_now()) from called),
    passed_over as (
      update sub_runs s set awaited = false from called c where c.awaited and s.tenant_id = c.tenant_id
        and s.parent_run_id = c.parent_run_id and s.parent_seq = c.parent_seq and s.ended_at is null)
    insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, depth, occurred_at, at, priority, lane)
    select tenant_id, {InboxKind.CALLED:d}, '{BY_HAND}', contact_id, workflow_id, run_id, payload, depth, (select clock_now()),
      (select clock_now()), {PRIORITY_SQL.format("called")}, lane
    from called order by place
    """  # noqa: S608  constants


def over_sql(source: str, *, status: str, refused: str, port: str, error: str, output: str) -> str:
    """Parts of a `with`: the called runs among `source` (`tenant_id`, `run_id`) are over, and whoever waits for one is told, once.

    The rest is SQL over the columns of `source`, called `o`: `status` a RunStatus or null, `refused` why one never began or null, and how
    the step that waits goes on: `port`, `error` and `output` (jsonb). Rows of `source` that nobody called are passed over.
    """
    note = settled_sql("sub_runs_over where awaited", port="port", error="error", output="output")
    return f"""
    sub_runs_over as (
      update sub_runs s set ended_at = (select clock_now()), status = {status}, refused = {refused} from {source} o
      where s.tenant_id = o.tenant_id and s.run_id = o.run_id and s.ended_at is null
      returning s.tenant_id, null::uuid as contact_id, s.parent_workflow_id as workflow_id, s.parent_run_id as run_id,
        s.parent_seq as seq, s.awaited, s.run_id as called, {port} as port, {error} as error, {output} as output),
    callers_told as ({note})
    """  # noqa: S608  constants


_CALLS = called_sql(
    """(select %(tenant)s::int as tenant_id, %(workflow)s::uuid as workflow_id, %(parent)s::uuid as parent_run_id,
      %(seq)s::smallint as parent_seq, %(parent_workflow)s::uuid as parent_workflow_id, false as awaited, %(payload)b::jsonb as payload,
      %(depth)s::smallint as depth, %(lane)s::bigint as lane, u.*
    from unnest(%(contacts)b::uuid[], %(runs)b::uuid[]) with ordinality as u(contact_id, run_id, place)) as asked"""
)


async def call(
    session: AsyncSession,
    step: CallingStep,
    *,
    workflow_id: UUID,
    contact_ids: Sequence[UUID],
    properties: dict[str, Any],
    depth: int,
    lane: int,
) -> None:
    """Ask the engine to start a run of `workflow_id` for each of these contacts, whom a step calls together. `lane`: that of its run."""
    if contact_ids:
        await execute(
            session,
            _CALLS,
            tenant=step.tenant_id,
            workflow=workflow_id,
            parent=step.run_id,
            seq=step.seq,
            parent_workflow=step.workflow_id,
            contacts=list(contact_ids),
            runs=[UUID(bytes=run_id) for run_id in uuid7_many(len(contact_ids))],
            payload=Jsonb(properties),
            depth=depth,
            lane=lane,
        )
        notify_engine(session)


async def erased(session: AsyncSession, tenant_id: int, contact_id: UUID, at: datetime) -> None:
    """Say that the contact was erased at `at`."""
    await execute(session, _ERASED, tenant=tenant_id, contact=contact_id, at=at)
    notify_engine(session)


class SettledMessage(NamedTuple):
    """The answer of a step that waits for a message, once that has a final status."""

    tenant_id: int
    contact_id: UUID
    workflow_id: UUID
    run_id: UUID
    seq: int
    """The step that waits: the one after step `seq - 1`."""
    port: str
    output: dict[str, Any]
    error: str | None = None


_SETTLED = settled_sql(
    """unnest(%s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::text[], %s::jsonb[], %s::text[])
      as ended(tenant_id, contact_id, workflow_id, run_id, seq, port, output, error)""",
    port="port",
    error="error",
    output="jsonb_strip_nulls(output)",
)


def settled(connection: psycopg.Connection[Any], messages: Sequence[SettledMessage]) -> int:
    """Tell the engine that these messages have a final status; returns their number. Notify ENGINE after the commit."""
    if messages:
        tenants, contacts, workflows, runs, seqs, ports, outputs, errors = map(list, zip(*messages, strict=True))
        payloads = [Jsonb(output) for output in outputs]
        connection.execute(_SETTLED, (tenants, contacts, workflows, runs, seqs, ports, payloads, errors))
    return len(messages)


_CALLED_ALL = settled_sql(
    """(select %(tenant_id)s::int as tenant_id, null::uuid as contact_id, %(workflow_id)s::uuid as workflow_id, %(run_id)s::uuid as run_id,
      %(seq)s::int as seq) as called""",
    port="case when %(error)s::text is null then 'next' else 'error' end",
    error="%(error)s::text",
    output="%(output)b::jsonb",
)


async def called_all(session: AsyncSession, step: CallingStep, output: dict[str, Any], error: str | None) -> None:
    """Tell the run that waits at `step` that all whom it called for an audience are through; `error`: what kept it from calling them."""
    await execute(session, _CALLED_ALL, **step._asdict(), output=Jsonb(output), error=error)
    notify_engine(session)


class DeferredEvent(NamedTuple):
    """An event that `workflow_id` has not heard of, or its run `run_id` alone, because only another process understands it."""

    tenant_id: int
    name: str
    contact_id: UUID | None
    event_id: UUID | None
    workflow_id: UUID
    payload: str | None
    """JSON text."""
    depth: int
    at: datetime
    """When it arrived."""
    occurred_at: datetime
    run_id: UUID | None = None
    lane: int = 0


_DEFER = f"""
insert into inbox (tenant_id, name, contact_id, event_id, workflow_id, payload, depth, at, occurred_at, run_id, lane, kind)
values (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s,
  case when %s::uuid is null then {InboxKind.DEFERRED:d} else {InboxKind.FOR_RUN:d} end)
"""  # noqa: S608  constants


def defer(cursor: psycopg.Cursor[Any], events: Sequence[DeferredEvent]) -> None:
    """Put events back, each for its workflow or its run alone."""
    if events:
        cursor.executemany(_DEFER, [(*event, event.run_id) for event in events])
