"""Decisions about messages that have come to an end: sent after all, failed, or sent again. The set-based SQL of all of them.

Whoever decides, a person, a program or the rule of a workflow, does it with the statements below, so that each decision is written down
with who, when and what the message was before, is counted, and hands a waiting run its outcome, all in one statement. Sending again
keeps the row and its Message-ID: the mail is the same, and a mailbox that has it already can tell. Its place in the queue is the one
it had. What a worker that comes late wants to write fails at the fence, which every decision moves.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.counters.message_counters import AWAITED, KEY, UNCERTAIN, moving
from app.counters.report_counters import UNDELIVERED
from app.lib import database, shards
from app.lib.translation import translatable
from app.messaging.channels.message_ids import MessageKey
from app.messaging.rules import APPLIES, ASSUME_SENT, ERROR, REPORT_DECIDES, RESEND, UNCERTAIN_RULE
from app.models import Message, MessageDecision

BY_REPORT = translatable("the provider’s report")
"""Who decides about an uncertain message that was reported about before it became so."""
BATCH = 1_000
"""Messages that one statement of a job looks at."""
_BEFORE = """
tenant_id as d_tenant, run_id as d_run, seq as d_seq, status as was_status, reason as was_reason, error_message as was_error,
settled_at as was_since, attempt as was_tries
"""
CAME_BACK, RETURNED = translatable("The provider reports that the message did not arrive."), "came_back"
"""The error and the reason in the output of a step whose message did not arrive."""
_REPORTED = "status = 2 and reported > 0 and payload ? 'delivery'"
_NOTES = inbox.settled_sql(
    f"moved where payload ? '{AWAITED}' and (status in (8, 9) or (status = 2 and due_at is null))",
    port=f"case when status = 2 and reported & {UNDELIVERED} = 0 then 'next' else 'error' end",
    error=f"case when status = 2 and reported & {UNDELIVERED} > 0 then '{CAME_BACK}'"
    " when status = 9 then %(why)s::text when status = 8 then error_message end",
    output=f"""jsonb_strip_nulls(jsonb_build_object('status', case when {_REPORTED} then
        case when reported & {UNDELIVERED} > 0 then 'bounced' else 'delivered' end
      when status = 2 then 'sent' when status = 8 then 'failed' else 'uncertain' end, 'recipient', recipient,
      'reason', case when status = 9 then 'outcome_unknown' when {_REPORTED} and reported & {UNDELIVERED} > 0 then '{RETURNED}'
        else reason end))""",
)
_TELL = f"told as ({_NOTES})"

_SETS = {
    "resend": """status = 0, due_at = clock_now(), lease_until = null, attempt = 0, reason = null, error_message = null, sent_at = null,
      settled_at = null, resent_at = clock_now(), fence = m.fence + 1""",
    "sent": """status = 2, fence = m.fence + 1,
      due_at = case when m.reported = 0 then clock_now() + (m.payload->'delivery'->>0)::float8 * interval '1 second' end,
      reason = null, error_message = null, sent_at = m.settled_at, settled_at = clock_now()""",
    "failed": """status = 8, due_at = null, reason = 'settled_by_hand', error_message = 'Marked as not sent by a person.', sent_at = null,
      settled_at = clock_now(), fence = m.fence + 1""",
}
"""What an act makes of a message. One that is assumed sent left when its fate became uncertain, if it left."""
OPEN_TO = {"resend": [8, 9], "sent": [9], "failed": [9]}
"""Which statuses an act takes messages out of: failed and uncertain, or only uncertain."""
_WORDS = {"resend": "resent", "sent": "sent", "failed": "failed"}


def _deciding(act: str, chosen: str, final: str = "") -> str:
    """SQL that does `act` to the messages that the CTEs `chosen` lock."""
    noted = f"""
    noted as (
      insert into message_decisions (tenant_id, run_id, seq, fence, act, by_kind, by_id, by_name, was_status, was_reason, was_error,
        was_since, tries)
      select tenant_id, run_id, seq, fence, '{_WORDS[act]}', %(by_kind)s, %(by_id)s, %(by_name)s, was_status, was_reason, was_error,
        was_since, was_tries from moved)
    """  # noqa: S608  constants
    return moving(
        f"update messages m set {_SETS[act]} from chosen d"  # noqa: S608
        " where m.tenant_id = d.d_tenant and m.run_id = d.d_run and m.seq = d.d_seq",
        None,
        values=chosen,
        returning="m.*, d.*",
        also=noted if act == "resend" else f"{noted}, {_TELL.replace('%(why)s', 'null')}",
        final=final,
    )


_BY_KEY = f"""
chosen as materialized (
  select {_BEFORE}, {KEY} as was from messages
  where tenant_id = %(tenant)s and status = any(%(open_to)s::int[])
    and (run_id, seq) in (select * from unnest(%(runs)s::uuid[], %(seqs)s::int[]))
  order by run_id, seq for update)
"""  # noqa: S608

# Looked at are some of those that are failed or uncertain, the latest first, from where the last batch ended; all are locked in one
# order, so that two people who decide at once wait for each other.
_BY_FILTER = f"""
seen as materialized (
  select run_id, seq, settled_at, status, workflow_id, workflow_version, node_id, connector_id, contact_id, reason from messages
  where tenant_id = %(tenant)s and status in (8, 9) and settled_at <= %(until)s
    and (%(since)s::timestamptz is null or settled_at >= %(since)s)
    and (%(at)s::timestamptz is null or (settled_at, run_id, seq) < (%(at)s::timestamptz, %(run)s::uuid, %(seq)s::int))
  order by settled_at desc, run_id desc, seq desc limit %(limit)s),
fitting as materialized (
  select run_id, seq from seen where status = any(%(open_to)s::int[]) and status = any(%(statuses)s::int[])
    and (%(workflow)s::uuid is null or workflow_id = %(workflow)s) and (%(node)s::text is null or node_id = %(node)s)
    and (%(version)s::int is null or workflow_version = %(version)s::int)
    and (%(connector)s::uuid is null or connector_id = %(connector)s) and (%(contact)s::uuid is null or contact_id = %(contact)s)
    and (%(reason)s::text is null or reason = %(reason)s)),
chosen as materialized (
  select {_BEFORE}, {KEY} as was from messages
  where tenant_id = %(tenant)s and (run_id, seq) in (select run_id, seq from fitting)
    and status = any(%(open_to)s::int[]) and status = any(%(statuses)s::int[]) and settled_at <= %(until)s
  order by run_id, seq for update)
"""  # noqa: S608
_WHAT_WAS_DONE = """
select (select count(*) from moved), (select count(*) from fitting), (select count(*) from seen),
  (select jsonb_build_object('at', settled_at, 'run', run_id, 'seq', seq) from seen order by settled_at, run_id, seq limit 1)
"""

BY_KEY = {act: _deciding(act, _BY_KEY) for act in _SETS}
"""Answers (run id, seq) of those that were moved. Takes `tenant, runs, seqs, open_to, by_kind, by_id, by_name, shard`."""
BY_FILTER = {act: _deciding(act, _BY_FILTER, _WHAT_WAS_DONE) for act in _SETS}
"""Answers one row: how many were moved, fitted and were looked at, and the last of those."""
COUNT_FITTING = """
with seen as (
  select status, workflow_id, workflow_version, node_id, connector_id, contact_id, reason from messages
  where tenant_id = %(tenant)s and status in (8, 9) and settled_at <= %(until)s
    and (%(since)s::timestamptz is null or settled_at >= %(since)s)
  order by settled_at desc limit %(limit)s)
select count(*) filter (where status = any(%(open_to)s::int[]) and status = any(%(statuses)s::int[])
  and (%(workflow)s::uuid is null or workflow_id = %(workflow)s) and (%(node)s::text is null or node_id = %(node)s)
    and (%(version)s::int is null or workflow_version = %(version)s::int)
  and (%(connector)s::uuid is null or connector_id = %(connector)s) and (%(contact)s::uuid is null or contact_id = %(contact)s)
  and (%(reason)s::text is null or reason = %(reason)s)) as fitting, count(*) as seen
from seen
"""
"""Answers one row: how many fit, and how many were looked at."""

# Uncertain messages about which nobody has decided in time: their rule does, or, without one, their run waits no longer and the message
# stays as it is. One that its provider has reported about counts as sent, whatever the rule. Afterwards nobody waits for it, so that
# settling it moves no run.
FOLLOW_RULES = moving(
    f"""
    update messages m set
      status = case d.rule when '{ASSUME_SENT}' then 2 when '{RESEND}' then 0 when '{ERROR}' then 8 else 9 end,
      due_at = case when d.rule = '{RESEND}' then clock_now() end,
      attempt = case when d.rule = '{RESEND}' then 0 else m.attempt end,
      resent_at = case when d.rule = '{RESEND}' then clock_now() else m.resent_at end,
      sent_at = case when d.rule = '{ASSUME_SENT}' then m.settled_at end,
      settled_at = case when d.rule = '{RESEND}' then null when d.rule is null then m.settled_at else clock_now() end,
      reason = case when d.rule = '{ERROR}' then 'outcome_unknown' when d.rule is null then m.reason end,
      error_message = case when d.rule = '{ERROR}' then 'Nobody could say within ' || d.time || ' whether the message left.'
        when d.rule is null then m.error_message end,
      fence = m.fence + 1
    from late d where m.tenant_id = d.d_tenant and m.run_id = d.d_run and m.seq = d.d_seq
    """,  # noqa: S608
    UNCERTAIN,
    values=f"""
    late as materialized (
      select {_BEFORE}, m.payload->'{UNCERTAIN_RULE}'->>2 as time,
        {REPORT_DECIDES} as by_report,
        case when {REPORT_DECIDES} then '{ASSUME_SENT}' when {APPLIES} then m.payload->'{UNCERTAIN_RULE}'->>0 end as rule
      from messages m where due_at <= clock_now() and status = 9 order by due_at limit 500 for update skip locked)""",  # noqa: S608
    returning="m.*, d.*",
    also=f"""
    noted as (
      insert into message_decisions (tenant_id, run_id, seq, fence, act, by_kind, by_name, was_status, was_reason, was_error, was_since,
        tries)
      select tenant_id, run_id, seq, fence, case rule when '{ASSUME_SENT}' then 'sent' when '{RESEND}' then 'resent' else 'failed' end,
        case when by_report then 'product' else 'rule' end, case when by_report then '{BY_REPORT}' else '' end, was_status, was_reason,
        was_error, was_since, was_tries from moved where rule is not null), {_TELL}""",  # noqa: S608
    final="select run_id from told",
)
"""Answers the runs that were told. Takes `shard` and `why`, the sentence for a run that leaves without a rule."""


async def decide(
    session: AsyncSession, tenant_id: int, act: str, keys: Sequence[MessageKey], by: Principal
) -> set[MessageKey]:
    """Do `act` to those of `keys` that it can be done to; answers them."""
    rows = await database.execute(
        session,
        BY_KEY[act],
        tenant=tenant_id,
        runs=[key[0] for key in keys],
        seqs=[key[1] for key in keys],
        open_to=OPEN_TO[act],
        by_kind=by.kind,
        by_id=by.id,
        by_name=by.name,
        shard=shards.PEOPLE,
    )
    return {(row[0], row[1]) for row in rows}


async def open_to(act: str, session: AsyncSession, tenant_id: int, keys: Sequence[MessageKey]) -> list[MessageKey]:
    """Those of `keys` that are messages to which `act` can be done now."""
    query = select(Message.run_id, Message.seq).where(
        Message.tenant_id == tenant_id, tuple_(Message.run_id, Message.seq).in_(keys), Message.status.in_(OPEN_TO[act])
    )
    return [(row.run_id, row.seq) for row in await session.execute(query)] if keys else []


async def decisions_about(
    session: AsyncSession, tenant_id: int, keys: Sequence[MessageKey]
) -> Sequence[MessageDecision]:
    """What was decided about these messages, the first first."""
    if not keys:
        return []
    query = (
        select(MessageDecision)
        .where(MessageDecision.tenant_id == tenant_id, tuple_(MessageDecision.run_id, MessageDecision.seq).in_(keys))
        .order_by(MessageDecision.run_id, MessageDecision.seq, MessageDecision.fence)
    )
    return (await session.scalars(query)).all()
