"""The set-based SQL of sending: write the intent, settle behind the fence, expire what was left behind. What is due says `queue`.

Plain psycopg, like the engine's. Everything the gateway wants is read in the transaction that writes the intent, so what was checked
is what is sent. `lease_until` is real time, `due_at` the product's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.connectors import state
from app.connectors.state import Change
from app.lib import shards
from app.lib.formats import counted
from app.messaging import suppression_list
from app.messaging.counters import AWAITED, QUEUED, moving
from app.messaging.decisions import FOLLOW_RULES
from app.messaging.rules import LIMIT
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
    def place(self) -> tuple[UUID, int]:
        """The (contact, channel) whose messages leave one after another."""
        return self.contact_id, int(Channel.EMAIL)

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

    @property
    def over(self) -> bool:
        """Is this an outcome, so that nothing more is done with the message?"""
        return self.status not in (MessageStatus.QUEUED, MessageStatus.SENDING)


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
    """.replace("%(limit)s", LIMIT),
    QUEUED,
)

_EXPIRE = moving(
    """
    update messages m set status = 9, lease_until = null, fence = m.fence + 1, error_message = %(why)s, reason = 'worker_lost',
      settled_at = clock_now(), due_at = %(limit)s
    from lost where m.run_id = lost.run_id and m.seq = lost.seq
    """.replace("%(limit)s", LIMIT),
    QUEUED,
    values="lost as (select run_id, seq from messages where lease_until < now() and status = 1 limit 500 for update skip locked)",
    answer="contact_id, channel",
)

_TELL = """
insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at)
values (%s, 2, 'message.settled', %s, %s, %s, %s, clock_now())
"""


def _storable(text: str | None) -> str | None:
    """PostgreSQL takes no NUL, and a mail server may say anything."""
    return text.replace("\x00", "")[:1000] if text else text


def intend(connection: Connection, moves: Sequence[Move]) -> None:
    """Write what the gateway said: SENDING with a lease, or the end of the message. Same transaction as `queue.look`."""
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


def expire(connection: Connection) -> list[tuple[UUID, int]]:
    """Sends whose owner is gone become uncertain: nobody can know whether the mail left, so no machine sends it again.

    Answers the (contact, channel) of each.
    """
    parameters = {"shard": shards.own(), "why": NOBODY_KNOWS, "hours": settings().engine.uncertain_hours}
    return [(row[0], row[1]) for row in connection.execute(_EXPIRE, parameters).fetchall()]


def let_go(connection: Connection) -> int:
    """Uncertain messages about which nobody has decided in time: the rule of their workflow does, or their run leaves by `error`.

    Returns how many runs were told.
    """
    hours = settings().engine.uncertain_hours
    why = f"Nobody could say within {counted(hours, 'hour')} whether the message left."
    return len(connection.execute(FOLLOW_RULES, {"why": why, "shard": shards.own()}).fetchall())


def change_connectors(connection: Connection, changes: Sequence[Change]) -> list[Change]:
    """Write what became of connectors; answers those that are news. In one order for all workers."""
    ordered = sorted(changes, key=lambda change: change.of.id)
    return [change for change in ordered if connection.execute(state.CHANGE, change.parameters).rowcount]


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
