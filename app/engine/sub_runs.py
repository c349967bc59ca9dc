"""Runs that steps call: asked for with the batch that calls, and over with the batch that ends or refuses them.

A row of `sub_runs` is written with the question. Whoever ends the called run closes it in the same transaction, and puts a note for the
run that waits into the inbox (`SETTLED`), which is matched by run and step: so that one goes on once, whatever became of the other.
For the contacts of a segment the step leaves an enrolment instead, which asks piece by piece (`app.enrolments`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from app.engine import rows
from app.engine.rows import Int2s, Int4s, Int8s, Jsons, Texts, Uuids
from app.flow.document import ERROR, NEXT
from app.flow.effects import MOST_CALLED, CallWorkflow
from app.flow.entry_reasons import reason_text
from app.inbox import called_sql, over_sql
from app.lib import ids
from app.lib.translation import gettext, translatable
from app.models.status import RunOrigin, RunStatus

if TYPE_CHECKING:
    from app.engine.state import RunState
    from app.engine.walk import Batch

FAILED = int(RunStatus.FAILED)
ERASED = "contact_erased"
"""Why a run never began whose contact is not there any more."""
PER_MINUTE = 30_000
"""Contacts of a segment for whom a run is asked for in a minute."""
CALL = called_sql(
    """unnest(%s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::smallint[], %s::uuid[], %s::boolean[], %s::jsonb[],
      %s::smallint[], %s::bigint[]) with ordinality as asked(tenant_id, run_id, contact_id, workflow_id, parent_run_id, parent_seq,
      parent_workflow_id, awaited, payload, depth, lane, place)"""
)
ENROL = f"""
insert into enrolments (tenant_id, id, workflow_id, trigger_id, reason, audience, event, expected, enrolled, most, per_minute, next_at,
  started_by, run_id, seq, awaited, depth, lane)
select a.tenant_id, a.id, a.workflow_id, '', 'Everybody in ' || coalesce(s.name, 'a segment') || ', called by a run of ' || f.name,
  jsonb_build_object('segmentId', a.segment_id), a.payload, (
    select least(coalesce(sum(d.entered - d.departed), 0), {MOST_CALLED}) from segment_days d
    where d.tenant_id = a.tenant_id and d.segment = s.number),
  0, {MOST_CALLED}, {PER_MINUTE}, (select clock_now()), f.name, a.run_id, a.seq, a.awaited, a.depth, a.lane
from unnest(%s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::smallint[], %s::uuid[], %s::boolean[], %s::jsonb[],
  %s::smallint[], %s::bigint[])
    as a(tenant_id, id, segment_id, workflow_id, run_id, seq, parent_workflow_id, awaited, payload, depth, lane)
join workflows f on f.tenant_id = a.tenant_id and f.id = a.parent_workflow_id
left join segments s on s.tenant_id = a.tenant_id and s.id = a.segment_id
"""
# The last end of those that a step called for a segment has it looked now whether all are through. Two that end at the same time each
# see the other as open: the enrolment looks by itself now and then.
_LAST_ENDED = """
last_ended as (
  update enrolments e set next_at = (select clock_now()) from (
    select distinct tenant_id, run_id, seq from sub_runs_over where not awaited) p
  where e.tenant_id = p.tenant_id and e.run_id = p.run_id and e.seq = p.seq and e.awaited and e.ended_at is not null
    and e.next_at is not null and not exists (
      select from sub_runs s where s.tenant_id = p.tenant_id and s.parent_run_id = p.run_id and s.parent_seq = p.seq
        and s.ended_at is null and s.run_id not in (select called from sub_runs_over)))
"""
OVER = f"""
with {
    over_sql(
        "(select * from unnest(%s::int[], %s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::jsonb[]) as ended("
        "tenant_id, run_id, status, refused, port, error, output))",
        status="o.status",
        refused="o.refused",
        port="o.port",
        error="o.error",
        output="o.output",
    )
},
{_LAST_ENDED}
select 1
"""
CANCELLED_WHY = translatable("The called run was cancelled.")
FAILED_BECAUSE = translatable("The called run failed: %(why)s")
FAILED_WHY = FAILED_BECAUSE.removesuffix("%(why)s")


def called_from_outside(error: str) -> str:
    """Parts of a `with` behind `ended`, active runs that were ended without a walk: what that is to whoever called them.

    `error`: SQL of why, over the columns of the run, null when it was cancelled; takes `status` and `key`, how that is counted.
    """
    return (
        over_sql(
            f"(select tenant_id, id as run_id, {error}::text as why from ended where origin = {RunOrigin.CALLED:d})",
            status="%(status)s",
            refused="null",
            port=f"'{ERROR}'",
            error=f"coalesce('{FAILED_WHY}' || o.why, '{CANCELLED_WHY}')",
            output="jsonb_build_object('status', %(key)s::text, 'runId', o.run_id)",
        )
        + f",\n{_LAST_ENDED}"
    )


class RunRequest(NamedTuple):
    """What a run asks for at one of its steps."""

    run: RunState
    seq: int
    effect: CallWorkflow


def _requests(batch: Batch) -> Iterator[RunRequest]:
    for path in batch.paths:
        if path.runs and path.flow.starts_runs:
            for one in [start for stretch in path.from_start() for start in stretch.starts]:
                for run in path.runs:
                    yield RunRequest(run, one.seq, one.effect)


def calls(batch: Batch) -> list[tuple[str, tuple[Any, ...]]]:
    """Statements that ask for what the runs of a batch call, each with its arguments."""
    requests = list(_requests(batch))
    alone = [one for one in requests if one.effect.segment_id is None]
    of_segments = [(one, one.effect.segment_id.bytes) for one in requests if one.effect.segment_id is not None]
    statements: list[tuple[str, tuple[Any, ...]]] = []
    if alone:
        contacts = [one.run.contact.id or None if one.effect.of_contact else None for one in alone]
        statements.append((CALL, _arguments(alone, contacts)))
    if of_segments:
        statements.append((ENROL, _arguments([one for one, _ in of_segments], [segment for _, segment in of_segments])))
    return statements


def _arguments(requests: list[RunRequest], whom: list[Any]) -> tuple[Any, ...]:
    """The arguments of CALL and of ENROL; `whom`: contacts, or segments."""
    return (
        Int4s([rows.int4(one.run.flow.tenant_id) for one in requests]),
        Uuids(ids.uuid7_many(len(requests))),
        Uuids(whom),
        Uuids([one.effect.workflow_id.bytes for one in requests]),
        Uuids([one.run.id for one in requests]),
        Int2s([rows.int2(one.seq) for one in requests]),
        Uuids([one.run.flow.workflow_id for one in requests]),
        [one.effect.awaits for one in requests],
        Jsons([rows.raw_json(one.effect.properties) for one in requests]),
        Int2s([rows.int2(one.run.depth + 1) for one in requests]),
        Int8s([rows.int8(one.run.lane) for one in requests]),
    )


class Ending(NamedTuple):
    """A called run that is over, and what its caller gets to know."""

    tenant_id: int
    run_id: bytes
    status: int | None
    refused: str | None
    error: str | None
    output: dict[str, Any]


def _ended(run: RunState) -> Ending:
    """A run that ended in this batch."""
    assert run.path is not None
    end, last = run.path.end, run.path.steps[-1] if run.path.steps else None
    put_out = last.outcome.output if last is not None and last.node.ends else None
    word = RunStatus(end.status).word
    output = {**(put_out if isinstance(put_out, dict) else {}), "status": word, "runId": str(UUID(bytes=run.id))}
    error = None
    if end.status == FAILED:
        error = f"{FAILED_WHY}{end.error or 'nobody knows why.'}"
    elif end.status == RunStatus.CANCELLED:
        error = CANCELLED_WHY
    return Ending(run.flow.tenant_id, run.id, end.status, None, error, output)


def _endings(batch: Batch) -> Iterator[Ending]:
    for run in batch.called.runs:
        if run.path is not None and not run.active:
            yield _ended(run)
    for refusal in batch.refusals:
        if refusal.run_id is not None and refusal.run_id in batch.called.requested:
            why = gettext(
                "The called workflow did not let it in. %(reason)s", reason=reason_text(refusal.reason, refusal.detail)
            )
            yield Ending(refusal.tenant_id, refusal.run_id, None, refusal.reason, why, {"status": "refused"})
    for tenant_id, run_id in batch.called.in_vain:
        yield Ending(tenant_id, run_id, None, ERASED, gettext("The contact was erased."), {"status": "refused"})


def ending_arguments(batch: Batch) -> tuple[Any, ...] | None:
    """Arguments of OVER, in order of the runs; None when no called run is over with this batch."""
    if not (batch.called.runs or batch.called.requested):
        return None
    endings = sorted(_endings(batch), key=lambda one: (one.tenant_id, one.run_id))
    if not endings:
        return None
    return (
        Int4s([rows.int4(one.tenant_id) for one in endings]),
        Uuids([one.run_id for one in endings]),
        Int2s([rows.NULL if one.status is None else rows.int2(one.status) for one in endings]),
        Texts([rows.text(one.refused) for one in endings]),
        Texts([rows.text(NEXT if one.error is None else ERROR) for one in endings]),
        Texts([rows.text(one.error) for one in endings]),
        Jsons([rows.json(one.output) for one in endings]),
    )
