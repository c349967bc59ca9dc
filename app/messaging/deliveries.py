"""Steps that wait until the provider reports that their message arrived: `goOn: delivered`.

Such a message bears `delivery` in its payload: how long it is waited for, by which port the run leaves then, and that time in words. It is
sent as every other; with the outcome "sent" it gets `due_at`, the end of the wait, and its run is told nothing yet. Whoever takes
`due_at` away tells the run, once: the first report about it, or the end of the time. A report that was quicker than our own record of
the send stands in `messages.reported`, which the same row lock guards, so that neither is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.counters.message_counters import AWAITED
from app.counters.report_counters import COUNTED, UNDELIVERED, bits_of
from app.lib import shards
from app.lib.database import execute
from app.live_moves import moved_sql
from app.messaging.decisions import CAME_BACK, RETURNED
from app.messaging.ledger import Connection, Transition
from app.models.status import MessageStatus, ReportKind

DELIVERY = "delivery"
"""In the payload of a message whose run waits until it is delivered: seconds, the port after them, and the time in words."""
NOT_REPORTED = "not_reported"
"""The reason in the output of a step about whose message nobody reported in time."""
MARK = f"""
with told as (
  select * from unnest(%(runs)b::uuid[], %(seqs)b::int[], %(bits)b::int[], %(details)b::text[]) as t(run_id, seq, bits, detail)),
chosen as materialized (
  select m.run_id as c_run, m.seq as c_seq, t.bits & ~m.reported as fresh, t.detail, m.status = 2 and m.due_at is not null as waited
  from messages m join told t on t.run_id = m.run_id and t.seq = m.seq
  where m.tenant_id = %(tenant)s order by m.run_id, m.seq for update of m),
moved as (
  update messages m set reported = (m.reported | c.fresh)::smallint,
    due_at = case when c.waited then null when m.status = 9 and m.resent_at is null then clock_now() else m.due_at end
  from chosen c where m.tenant_id = %(tenant)s and m.run_id = c.c_run and m.seq = c.c_seq and c.fresh > 0
  returning m.*, c.fresh, c.detail, c.waited),
watched as ({moved_sql("moved")}),
counted as (
  insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
  select tenant_id, workflow_id, workflow_version, node_id, k.key, {shards.PEOPLE}, count(*) from moved, {COUNTED}
  where node_id <> '' and fresh & k.bit > 0 group by tenant_id, workflow_id, workflow_version, node_id, k.key
  order by workflow_id, workflow_version, node_id collate "C", k.key collate "C"
  on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n),
noted as ({
    inbox.settled_sql(
        f"moved where waited and payload ? '{AWAITED}'",
        port=f"case when reported & {UNDELIVERED} > 0 then 'error' else 'next' end",
        error=f"case when reported & {UNDELIVERED} > 0 then %(why)s || coalesce(' ' || detail, '') end",
        output=f'''jsonb_strip_nulls(jsonb_build_object('status',
      case when reported & {UNDELIVERED} > 0 then 'bounced' else 'delivered' end, 'recipient', recipient,
      'reason', case when reported & {UNDELIVERED} > 0 then '{RETURNED}' end))''',
    )
})
select run_id from noted
"""  # noqa: S608  constants
_END_WAITS = f"""
with late as materialized (
  select tenant_id, run_id, seq from messages where status = 2 and due_at <= clock_now() order by due_at limit 500 for update skip locked),
moved as (
  update messages m set due_at = null from late d where m.tenant_id = d.tenant_id and m.run_id = d.run_id and m.seq = d.seq
  returning m.*)
{
    inbox.settled_sql(
        f"moved where payload ? '{AWAITED}'",
        port=f"coalesce(payload->'{DELIVERY}'->>1, 'next')",
        error=f"case when payload->'{DELIVERY}'->>1 = 'error' then 'Nobody reported within ' || (payload->'{DELIVERY}'->>2)"
        " || ' that the message arrived.' end",
        output=f"jsonb_strip_nulls(jsonb_build_object('status', 'sent', 'recipient', recipient, 'reason', '{NOT_REPORTED}'))",
    )
}
"""  # noqa: S608  constants


class ReportOf(NamedTuple):
    """Something that was reported about a message; `detail` is what the provider said."""

    run_id: UUID
    seq: int
    kind: ReportKind
    detail: str = ""


async def mark(session: AsyncSession, tenant_id: int, reports: Sequence[ReportOf]) -> int:
    """Note on messages what was reported about them, count what is new, and let runs go on that waited for it; returns how many.

    One statement, however many. Rows are locked in one order.
    """
    of_message: dict[tuple[UUID, int], list[ReportOf]] = {}
    for report in reports:
        of_message.setdefault((report.run_id, report.seq), []).append(report)
    if not of_message:
        return 0
    failures = {
        key: next((one.detail for one in group if bits_of([one.kind]) & UNDELIVERED and one.detail), None)
        for key, group in of_message.items()
    }
    rows = await execute(
        session,
        MARK,
        tenant=tenant_id,
        runs=[run_id for run_id, _ in of_message],
        seqs=[seq for _, seq in of_message],
        bits=[bits_of(one.kind for one in group) for group in of_message.values()],
        details=list(failures.values()),
        why=CAME_BACK,
    )
    if rows:
        inbox.notify_engine(session)
    return len(rows)


def end_waits(connection: Connection) -> int:
    """Let runs go on about whose message nobody reported in time, some hundred at a time; returns how many."""
    return len(connection.execute(_END_WAITS).fetchall())


def notify_runs(connection: Connection, moves: Sequence[Transition]) -> int:
    """Put a note into the engine's inbox for every run that waits for its message and for no report about it. Returns how many."""
    notes = []
    for move in moves:
        if move.due.options.get(AWAITED) and not move.waits:
            due, error, port, status, reason = move.due, move.error, move.port, move.status.word, move.reason
            if move.status is MessageStatus.SENT and move.delivery_s is not None:  # the report was quicker
                came_back = bool(move.reported & UNDELIVERED)
                status, port = ("bounced", "error") if came_back else ("delivered", "next")
                error, reason = (CAME_BACK, RETURNED) if came_back else (None, None)
            output = {"status": status, "recipient": move.recipient, "reason": reason}
            notes.append(
                inbox.SettledMessage(
                    due.tenant_id,
                    due.contact_id,
                    due.workflow_id,
                    due.run_id,
                    due.seq,
                    port,
                    output,
                    error if port == "error" else None,
                )
            )
    return inbox.settled(connection, notes)
