"""What is due, in its order: the set-based SQL that chooses messages to send, puts off those that wait for another, and holds and frees.

Messages of one run leave in step order; of one contact per channel in the order in which they were queued. A message is blocked by the
first earlier one that is queued or being sent. One of another run does not block when it is held, waits for a server that this one
does not need, or is tried again only in more than `PASS_OVER_S`.

Every look is bounded: a blocked row is moved in the due index behind what it waits for, so that it is met once for each try of that,
not once a second. Measured with 100,000 due rows, two in three of them blocked: a look at 40 rows reads those and at most two index
entries for each (287 pages, 0.8 ms). The first that waits is made due when the one before it is over (`next_turn`); the times written
here only bound what happens when that is missed. Whatever a paused connector or workflow holds stands outside the index (`due_at` is
null).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from app.messaging.ledger import Connection, Due

WINDOW = 20
"""How many rows more than there is room for are looked at, so that blocked ones do not cost a look each."""
PASS_OVER_S = 300
"""An earlier message of another run that is tried again later than this keeps nobody waiting."""
HOLD_AT_ONCE = 1000
"""How many rows one statement takes out of the due index."""
WAITS = "waits_turn"

_LOOK = """
with due as materialized (
  select run_id, seq, tenant_id, contact_id, channel, workflow_id, created_at, due_at, payload from messages
  where due_at <= clock_now() and status = 0 and channel = 1 and not tenant_id = any(%(busy)s)
  order by due_at limit %(window)s for update skip locked
)
select m.run_id, m.seq, m.tenant_id, m.workflow_id, coalesce(w.status = 'paused', false) as paused,
  case when before.status = 1 then clock_now() + interval '5 seconds'
       when before.status = 0 and before.due_at is null then clock_now() + interval '1 hour'
       when before.status = 0 and before.due_at <= clock_now() and before.due_at < m.due_at then clock_now() + interval '1 second'
       when before.status = 0 then before.due_at + interval '1 millisecond' end as put_off_to
from due m left join workflows w on w.id = m.workflow_id
  left join connectors d on d.tenant_id = m.tenant_id and d.type = 'smtp' and d.is_default
  left join lateral (
    (select e.status, e.due_at from messages e
     where e.run_id = m.run_id and e.seq < m.seq and e.status in (0, 1) order by e.seq limit 1)
    union all
    (select e.status, e.due_at from messages e
     where e.contact_id = m.contact_id and e.channel = m.channel and e.status in (0, 1) and e.run_id <> m.run_id
       and (e.created_at, e.run_id, e.seq) < (m.created_at, m.run_id, m.seq)
       and (e.status = 1 or (e.due_at <= clock_now() + %(pass_over)s * interval '1 second' and (e.reason is distinct from 'server_away'
         or e.connector_id::text = coalesce(nullif(lower(m.payload->>'connectorId'), ''), d.id::text))))
     order by e.created_at, e.run_id, e.seq limit 1)
    limit 1) before on true
order by m.due_at, m.created_at, m.run_id, m.seq
"""

_PUT_OFF = """
update messages m set due_at = v.until, reason = %(waits)s
from unnest(%(run)s::uuid[], %(seq)s::int[], %(until)s::timestamptz[]) as v(run_id, seq, until)
where m.run_id = v.run_id and m.seq = v.seq
"""

_TAKE = """
select m.run_id, m.seq, m.tenant_id, m.workflow_id, m.contact_id, m.template_id, m.payload, m.attempt, m.fence,
  greatest(m.created_at, m.resent_at) as created_at,
  case when w.deleted_at is null then w.status end as workflow_status, r.status as run_status, r.trigger_event, r.context,
  case when c.id is not null then jsonb_build_object('id', c.id, 'external_id', c.external_id, 'email', c.email,
    'phone', c.phone, 'source', c.source, 'attributes', c.attributes, 'tags', c.tags, 'timezone', c.timezone,
    'locale', c.locale, 'created_at', c.created_at, 'consent', c.consent) end as contact,
  (select timezone from workspaces where id = m.tenant_id) as timezone
from unnest(%(run)s::uuid[], %(seq)s::int[]) with ordinality as v(run_id, seq, place) join messages m using (run_id, seq)
  left join workflows w on w.id = m.workflow_id and w.tenant_id = m.tenant_id
  left join runs r on r.id = m.run_id
  left join contacts c on c.id = m.contact_id and c.tenant_id = m.tenant_id
order by v.place
"""

# Skips what is locked: somebody looks at it just now, and may wait for a connector that this transaction has changed.
_NEXT_TURN = """
update messages m set due_at = clock_now() where (m.run_id, m.seq) in (
  select n.run_id, n.seq from (select distinct * from unnest(%(contact)s::uuid[], %(channel)s::int[])) as v(contact_id, channel)
    join lateral (
      select run_id, seq, reason from messages e
      where e.contact_id = v.contact_id and e.channel = v.channel and e.status = 0 and e.reason = %(waits)s
      order by e.created_at, e.run_id, e.seq limit 1 for update skip locked) n on true)
"""

# The cause is locked, so that nothing is held for a cause that somebody is just ending: who ends it frees what was held before.
_HOLD = """
with cause as ({cause} for share), held as (
  select m.run_id, m.seq from messages m, cause
  where m.tenant_id = %(tenant)s and m.status = 0 and m.channel = 1 and m.due_at <= clock_now() and {which}
  order by m.due_at limit %(at_once)s for update of m skip locked)
update messages m set due_at = null, reason = %(reason)s, error_message = cause.words, connector_id = cause.connector_id
from held, cause where m.run_id = held.run_id and m.seq = held.seq
"""
_FOLLOWS_DEFAULT = "coalesce(m.payload->>'connectorId', '') = ''"
_HOLDS = {
    "connector_paused": _HOLD.format(
        cause="select id as connector_id, is_default, state_message as words from connectors where id = %(id)s and state = 'paused'",
        which=f"(lower(m.payload->>'connectorId') = %(id)s::text or (cause.is_default and {_FOLLOWS_DEFAULT}))",
    ),
    "no_connector": _HOLD.format(
        cause="select null::uuid as connector_id, 'There is no connector for email. Add one under Connectors.' as words"
        " from workspaces w where w.id = %(tenant)s"
        " and not exists (select from connectors where tenant_id = w.id and type = 'smtp' and is_default)",
        which=_FOLLOWS_DEFAULT,
    ),
    "workflow_paused": _HOLD.format(
        cause="select null::uuid as connector_id, 'The workflow is paused.' as words from workflows"
        " where id = %(id)s and status = 'paused'",
        which="m.workflow_id = %(id)s",
    ),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why messages are held: `id` is the connector's or the workflow's."""

    reason: Literal["connector_paused", "no_connector", "workflow_paused"]
    tenant_id: int
    id: UUID | None = None


@dataclass(slots=True)
class Seen:
    """A due message as a look finds it. `put_off_to`: it has to wait for another until then at least."""

    run_id: UUID
    seq: int
    tenant_id: int
    workflow_id: UUID
    paused: bool
    put_off_to: object


@dataclass(slots=True)
class Look:
    """What a look found: messages to send, locked, and how many rows were moved on so that another look finds others."""

    due: list[Due]
    moved: int


def look(connection: Connection, room: int, under_way: Counter[int], per_tenant: int) -> Look:
    """Lock up to `room` messages whose turn it is, so that no workspace has more than `per_tenant` under way. In a transaction."""
    busy = [tenant for tenant, count in under_way.items() if count >= per_tenant]
    wanted = {"busy": busy, "window": room + WINDOW, "pass_over": PASS_OVER_S}
    with connection.cursor(row_factory=class_row(Seen)) as cursor:
        seen = cursor.execute(_LOOK, wanted).fetchall()
    moved = 0
    for cause in {Cause("workflow_paused", row.tenant_id, row.workflow_id) for row in seen if row.paused}:
        moved += hold(connection, cause)
    moved += _put_off(connection, [row for row in seen if row.put_off_to and not row.paused])
    taken, counts = list[Seen](), Counter(under_way)
    for row in seen:
        counts[row.tenant_id] += not (row.paused or row.put_off_to)
        if not (row.paused or row.put_off_to) and counts[row.tenant_id] <= per_tenant:
            taken.append(row)
    return Look(_take(connection, taken[:room]), moved)


def _put_off(connection: Connection, rows: Sequence[Seen]) -> int:
    if rows:
        connection.execute(
            _PUT_OFF,
            {
                "waits": WAITS,
                "run": [row.run_id for row in rows],
                "seq": [row.seq for row in rows],
                "until": [row.put_off_to for row in rows],
            },
        )
    return len(rows)


def _take(connection: Connection, rows: Sequence[Seen]) -> list[Due]:
    if not rows:
        return []
    keys = {"run": [row.run_id for row in rows], "seq": [row.seq for row in rows]}
    with connection.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(_TAKE, keys).fetchall()


def next_turn(connection: Connection, over: Sequence[tuple[UUID, int]]) -> None:
    """Messages to these (contact, channel) are over: whoever waits first for them is due now."""
    if over:
        contacts, channels = zip(*over, strict=True)
        connection.execute(_NEXT_TURN, {"contact": list(contacts), "channel": list(channels), "waits": WAITS})


def hold(connection: Connection, cause: Cause) -> int:
    """Take due messages that `cause` keeps from leaving out of the due index. Returns how many; 0 when the cause is over."""
    wanted = {"tenant": cause.tenant_id, "id": cause.id, "reason": cause.reason, "at_once": HOLD_AT_ONCE}
    return connection.execute(_HOLDS[cause.reason], wanted).rowcount
