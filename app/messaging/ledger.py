"""The set-based SQL of sending: claim with intent, settle behind the fence, expire what was left behind.

Plain psycopg, like the engine's. A claim reads everything the gateway wants in the transaction that writes the intent, so what
was checked is what is sent. `lease_until` is real time, `due_at` the product's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from app.contacts.permission import Listed
from app.lib import shards
from app.lib.formats import counted
from app.messaging import suppression_list
from app.messaging.counters import AWAITED, QUEUED, moving
from app.messaging.schemas import Parts
from app.models.status import Channel, MessageStatus
from app.settings import settings

Connection = psycopg.Connection[Any]
LEASE_S = 100
"""More than three times the longest send, so that an owner who is alive always settles in time."""
NOBODY_KNOWS = "The worker stopped while it was sending; the mail may have left."


@dataclass(slots=True)
class Due:
    """A message to send and what the gateway and the templates need to know. `contact` is None when it was deleted."""

    run_id: UUID
    seq: int
    tenant_id: int
    workflow_id: UUID
    contact_id: UUID
    template_id: UUID | None
    payload: dict[str, Any] | None
    attempt: int
    fence: int
    created_at: datetime
    workflow_status: str | None
    run_status: int | None
    trigger_event: dict[str, Any] | None
    context: dict[str, Any] | None
    contact: dict[str, Any] | None
    timezone: str = "UTC"
    """The workspace's, for contacts without one."""

    @property
    def asked(self) -> dict[str, Any]:
        """What the node asked for: sender, overrides, topic, awaited."""
        return self.payload or {}


@dataclass(slots=True)
class Move:
    """What becomes of a message: a new status, and what to write with it. `retry_s` puts it back for later."""

    due: Due
    status: MessageStatus
    recipient: str | None = None
    subject: str | None = None
    error: str | None = None
    retry_s: float | None = None
    forgive: bool = False
    """This try does not count: the fault was the server's, not the mail's."""
    port: str = "next"
    reason: str | None = None
    """A stable word for why it was suppressed, failed or waits (`bad_address`, `server_away`, …); `error` is the sentence."""
    connector_id: UUID | None = None
    """By which it leaves, once that is known."""


_CLAIM = """
with due as materialized (
  select m.run_id, m.seq from messages m left join workflows w on w.id = m.workflow_id
  where m.due_at <= clock_now() and m.status = 0 and m.channel = 1
    and w.status is distinct from 'paused' and not m.tenant_id = any(%(busy)s)
  order by m.due_at limit %(room)s for update of m skip locked
)
select m.run_id, m.seq, m.tenant_id, m.workflow_id, m.contact_id, m.template_id, m.payload, m.attempt, m.fence, m.created_at,
  case when w.deleted_at is null then w.status end as workflow_status, r.status as run_status, r.trigger_event, r.context,
  case when c.id is not null then jsonb_build_object('id', c.id, 'external_id', c.external_id, 'email', c.email,
    'phone', c.phone, 'source', c.source, 'attributes', c.attributes, 'tags', c.tags, 'timezone', c.timezone,
    'locale', c.locale, 'created_at', c.created_at, 'consent', c.consent) end as contact,
  (select timezone from workspaces where id = m.tenant_id) as timezone
from due join messages m using (run_id, seq)
  left join workflows w on w.id = m.workflow_id and w.tenant_id = m.tenant_id
  left join runs r on r.id = m.run_id
  left join contacts c on c.id = m.contact_id and c.tenant_id = m.tenant_id
order by m.due_at
"""

# Until when a run waits for a message that became uncertain.
_LIMIT = f"case when m.payload ? '{AWAITED}' then clock_now() + %(hours)s * interval '1 hour' end"

# Each counts what it moves (`counters`). Only messages that are queued or being sent are moved here.
_INTEND = moving(
    """
    update messages m set status = v.status, recipient = v.recipient, subject = v.subject, error_message = v.error,
      reason = v.reason, connector_id = coalesce(v.connector, m.connector_id),
      settled_at = case when v.status > 1 then clock_now() end, fence = m.fence + 1,
      due_at = clock_now() + v.retry * interval '1 second', attempt = m.attempt + (v.status = 1)::int,
      lease_until = case when v.status = 1 then now() + %(lease)s * interval '1 second' end
    from unnest(%(run)s::uuid[], %(seq)s::int[], %(status)s::int[], %(recipient)s::text[], %(subject)s::text[], %(error)s::text[],
      %(reason)s::text[], %(connector)s::uuid[], %(retry)s::float8[])
      as v(run_id, seq, status, recipient, subject, error, reason, connector, retry)
    where m.run_id = v.run_id and m.seq = v.seq
    """,
    QUEUED,
)

_SETTLE = moving(
    """
    update messages m set status = v.status, error_message = v.error, reason = v.reason, lease_until = null,
      settled_at = case when v.status > 1 then clock_now() end, sent_at = case when v.status = 2 then clock_now() end,
      due_at = case when v.status = 9 then %(limit)s else clock_now() + v.retry * interval '1 second' end,
      attempt = m.attempt - v.forgive::int
    from unnest(%(run)s::uuid[], %(seq)s::int[], %(fence)s::int[], %(status)s::int[], %(error)s::text[], %(reason)s::text[],
      %(retry)s::float8[], %(forgive)s::bool[]) as v(run_id, seq, fence, status, error, reason, retry, forgive)
    where m.run_id = v.run_id and m.seq = v.seq and m.fence = v.fence and m.status = 1
    """.replace("%(limit)s", _LIMIT),
    QUEUED,
)

_EXPIRE = moving(
    """
    update messages m set status = 9, lease_until = null, fence = m.fence + 1, error_message = %(why)s, reason = 'worker_lost',
      settled_at = clock_now(), due_at = %(limit)s
    from lost where m.run_id = lost.run_id and m.seq = lost.seq
    """.replace("%(limit)s", _LIMIT),
    QUEUED,
    values="lost as (select run_id, seq from messages where lease_until < now() and status = 1 limit 500 for update skip locked)",
)

# The message stays uncertain: its run alone goes on. Afterwards nobody waits for it, so that settling it moves no run.
_LET_GO = """
with late as (
  select run_id, seq from messages where due_at <= clock_now() and status = 9 order by due_at limit 500 for update skip locked),
gone as (update messages m set due_at = null from late where m.run_id = late.run_id and m.seq = late.seq returning m.*)
insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at)
select tenant_id, 2, 'message.settled', contact_id, workflow_id, run_id,
  jsonb_build_object('seq', seq, 'port', 'error', 'error', %(why)s::text, 'output', jsonb_strip_nulls(
    jsonb_build_object('status', 'uncertain', 'recipient', recipient, 'reason', 'outcome_unknown'))), clock_now()
from gone returning run_id
"""

_TELL = """
insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at)
values (%s, 2, 'message.settled', %s, %s, %s, %s, clock_now())
"""


def _storable(text: str | None) -> str | None:
    """PostgreSQL takes no NUL, and a mail server may say anything."""
    return text.replace("\x00", "")[:1000] if text else text


def claim(connection: Connection, room: int, busy: Sequence[int]) -> list[Due]:
    """Lock up to `room` due messages, not of the tenants in `busy`, nor of paused workflows. Inside a transaction."""
    with connection.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(_CLAIM, {"room": room, "busy": list(busy)}).fetchall()


def intend(connection: Connection, moves: Sequence[Move]) -> None:
    """Write what the gateway said: SENDING with a lease, or the end of the message. Same transaction as `claim`."""
    connection.execute(
        _INTEND,
        {
            "shard": shards.own(),
            "lease": LEASE_S,
            "run": [move.due.run_id for move in moves],
            "seq": [move.due.seq for move in moves],
            "status": [int(move.status) for move in moves],
            "recipient": [move.recipient for move in moves],
            "subject": [move.subject for move in moves],
            "error": [_storable(move.error) for move in moves],
            "reason": [move.reason for move in moves],
            "connector": [move.connector_id for move in moves],
            "retry": [move.retry_s for move in moves],
        },
    )
    for move in moves:
        move.due.fence += 1
        move.due.attempt += move.status is MessageStatus.SENDING


def settle(connection: Connection, moves: Sequence[Move]) -> set[tuple[UUID, int]]:
    """Write the results of sends. A row whose fence moved on is left alone; the answer has those that were written."""
    rows = connection.execute(
        _SETTLE,
        {
            "shard": shards.own(),
            "hours": settings().engine.uncertain_hours,
            "run": [move.due.run_id for move in moves],
            "seq": [move.due.seq for move in moves],
            "fence": [move.due.fence for move in moves],
            "status": [int(move.status) for move in moves],
            "error": [_storable(move.error) for move in moves],
            "reason": [move.reason for move in moves],
            "retry": [move.retry_s for move in moves],
            "forgive": [move.forgive for move in moves],
        },
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


def expire(connection: Connection) -> int:
    """Sends whose owner is gone become uncertain: nobody can know whether the mail left, so no machine sends it again."""
    parameters = {"shard": shards.own(), "why": NOBODY_KNOWS, "hours": settings().engine.uncertain_hours}
    return len(connection.execute(_EXPIRE, parameters).fetchall())


def let_go(connection: Connection) -> int:
    """Runs that waited for an uncertain message as long as they may leave by `error`. Returns how many were told."""
    hours = settings().engine.uncertain_hours
    why = f"Nobody could say within {counted(hours, 'hour')} whether the message left."
    return len(connection.execute(_LET_GO, {"why": why}).fetchall())


def tell_runs(connection: Connection, moves: Sequence[Move]) -> int:
    """Put a note into the engine's inbox for every run that waits for its message. Returns how many."""
    notes = []
    for move in moves:
        if move.due.asked.get(AWAITED):
            output = {"status": move.status.word, "recipient": move.recipient, "reason": move.reason}
            note = {
                "seq": move.due.seq,
                "port": move.port,
                "output": {key: value for key, value in output.items() if value is not None},
                "error": move.error if move.port == "error" else None,
            }
            notes.append((move.due.tenant_id, move.due.contact_id, move.due.workflow_id, move.due.run_id, Jsonb(note)))
    if notes:
        with connection.cursor() as cursor:
            cursor.executemany(_TELL, notes)
    return len(notes)


def suppress(connection: Connection, tenant_id: int, address: str, reason: str, detail: str | None = None) -> None:
    """Never write to this address again; `detail` is what the mail server said."""
    entry = suppression_list.Put(address=address, reason=reason, detail=detail)
    connection.execute(suppression_list.PUT, suppression_list.put_parameters(tenant_id, Channel.EMAIL, [entry]))


def suppressions(connection: Connection, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Listed]:
    """The entries that hold of those pairs of tenant and comparable address that must not be written to."""
    tenants, found = [tenant for tenant, _ in wanted], [address for _, address in wanted]
    parameters = {"tenants": tenants, "addresses": found, "channel": int(Channel.EMAIL)}
    rows = connection.execute(suppression_list.LISTED, parameters).fetchall()
    return {(row[0], row[1]): Listed(reason=row[2], since=row[3], detail=row[4]) for row in rows}


def templates(connection: Connection, ids: set[UUID]) -> dict[tuple[int, UUID], Parts]:
    """The sources of templates, by (tenant, id)."""
    rows = connection.execute(
        "select tenant_id, id, subject, html, text from templates where id = any(%s)", (list(ids),)
    ).fetchall()
    return {(row[0], row[1]): Parts(row[2], row[3], row[4]) for row in rows}


def connectors(connection: Connection, tenants: set[int]) -> list[tuple[int, UUID, bool, dict[str, Any], bytes | None]]:
    """(tenant, id, is default, config, sealed secret) of the SMTP connectors of some workspaces."""
    return connection.execute(
        "select tenant_id, id, is_default, config, secret from connectors where type = 'smtp' and tenant_id = any(%s)",
        (list(tenants),),
    ).fetchall()
