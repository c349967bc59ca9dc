"""The set-based SQL of sending: write the intent, settle behind the fence, expire what was left behind. What is due says `queue`.

Plain psycopg, like the engine's. A message is claimed by `queue.look`: it stays queued, with a lease, and goes back by itself when that
is over, for nothing of it has left. Its intent is written when its server would take it, immediately before it is handed over, in the
transaction that reads what the gateway wants: from there on nobody can know, and when its owner is lost it is uncertain.
`lease_until` is real time, `due_at` the product's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from app import inbox
from app.connectors.repository import CHANGE
from app.connectors.state import StateChange
from app.counters.message_counters import AWAITED, QUEUED, moving
from app.lib import jsonlimits, shards
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.devices import DeviceResult
from app.messaging.decisions import FOLLOW_RULES
from app.messaging.lanes import LaneKey
from app.messaging.rules import LIMIT
from app.models.status import MessageStatus, RunStatus
from app.settings import settings

Connection = psycopg.Connection[Any]
LedgerKey = tuple[UUID, int]
Place = tuple[int, UUID, int]
"""(workspace, contact, channel): messages of one place leave one after another."""
CLAIM_S = 60
"""How long a worker has for a message until it has to begin to hand it over. What a lost worker had claimed waits that long."""
LEASE_S = 180
"""Six times the longest send, so that an owner who is alive settles in time also when the database is away for two minutes."""
GIVE_UP_HOURS = 24
"""How long a mail waits for a server that cannot be used."""
NOBODY_KNOWS = translatable("The worker stopped while it was sending; the message may have left.")


@dataclass(slots=True)
class DueMessage:
    """A message to send and what the gateway and the templates need to know. `contact` is None when it was deleted."""

    run_id: UUID
    seq: int
    tenant_id: int
    workflow_id: UUID
    contact_id: UUID
    channel: int
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
    first_tried_at: datetime | None = None

    @property
    def key(self) -> LedgerKey:
        return self.run_id, self.seq

    @property
    def place(self) -> Place:
        """Whose messages it leaves in turn with."""
        return self.tenant_id, self.contact_id, self.channel

    @property
    def lane(self) -> LaneKey:
        """The lane of the queue: workspace, channel, and the connector that it names, in small letters, or none."""
        return self.tenant_id, self.channel, str(self.options.get("connectorId") or "").lower()

    @property
    def kind(self) -> type[ChannelType]:
        """The channel. Raises KeyError when it is not installed; such messages are not claimed."""
        return registry.numbered(self.channel)

    @property
    def address(self) -> str | None:
        """Where it goes, as the contact says now."""
        return self.kind.address_of(self.contact) if self.contact else None

    @property
    def device_ids(self) -> set[str] | None:
        """The devices that the contact had when the message was claimed; None of channels that do not go to those."""
        devices = (self.contact or {}).get("devices")
        return None if devices is None else {str(one["id"]) for one in devices}

    @property
    def is_transactional(self) -> bool:
        """Does its step say that it is about something that the contact did, and so needs no consent?"""
        return self.options.get("class") == "transactional"

    @property
    def delivery_s(self) -> float | None:
        """How long its run waits for a report that it arrived; None when it does not."""
        delivery = self.options.get("delivery")
        return float(delivery[0]) if delivery else None

    @property
    def options(self) -> dict[str, Any]:
        """What the node asked for: sender, overrides, topic, awaited."""
        return self.payload or {}


@dataclass(slots=True)
class Transition:
    """What becomes of a message: a new status, and what to write with it. `retry_s` puts it back for later."""

    due: DueMessage
    status: MessageStatus
    recipient: str | None = None
    subject: str | None = None
    error: str | None = None
    retry_s: float | None = None
    counts: bool = True
    """Does this try count? Not when the fault was the server's, or nothing was tried."""
    port: str = "next"
    reason: str | None = None
    """A stable word for why it was suppressed, failed or waits (`bad_address`, `server_away`, …); `error` is the sentence."""
    connector_id: UUID | None = None
    """By which it leaves, once that is known."""
    provider_id: str | None = None
    """What the provider that took it calls it."""
    delivery_s: float | None = None
    """How long its run waits, from now, for what the provider reports; None where it waits for no report."""
    waits: bool = False
    """Does its run wait for a report still, and what was reported so far: known when it is written."""
    reported: int = 0
    devices: tuple[DeviceResult, ...] = ()
    """What became of it at each device."""

    @property
    def is_final(self) -> bool:
        """Is this an outcome, so that nothing more is done with the message?"""
        return self.status not in (MessageStatus.QUEUED, MessageStatus.SENDING)


# A goal that is a step comes after what it asked for before, which is still meant: as with a completed run.
RUN_STATUS = f"case when r.goal_reached_id = r.current_node_id then {RunStatus.COMPLETED:d} else r.status end"

# It stays in the counter of those that are queued.
_MARK_SENDING = """
update messages m set status = 1, due_at = null, recipient = v.recipient, subject = v.subject, connector_id = v.connector,
  error_message = null, reason = null, attempt = v.attempt + 1, lease_until = now() + %(lease)s * interval '1 second'
from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[], %(fence)s::int[], %(recipient)s::text[], %(subject)s::text[],
  %(connector)s::uuid[], %(attempt)s::int[]) as v(tenant_id, run_id, seq, fence, recipient, subject, connector, attempt)
where m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq and m.fence = v.fence
  and m.status = 0 and m.lease_until > now()
returning m.run_id, m.seq
"""

# Counts what it moves (`counters`). Only messages that are claimed or being sent are moved here.
_SETTLE = moving(
    """
    update messages m set status = v.status, error_message = v.error, reason = v.reason, lease_until = null,
      recipient = coalesce(v.recipient, m.recipient), subject = coalesce(v.subject, m.subject),
      connector_id = coalesce(v.connector, m.connector_id), provider_id = coalesce(v.provider_id, m.provider_id),
      devices = coalesce(v.devices, m.devices),
      settled_at = case when v.status > 1 then (select clock_now()) end, sent_at = case when v.status = 2 then (select clock_now()) end,
      due_at = case when v.status = 9 then %(limit)s
        when v.status = 2 and m.reported = 0 then (select clock_now()) + v.delivery * interval '1 second'
        when v.status = 0 then (select clock_now()) + v.retry * interval '1 second' end,
      attempt = v.attempt, first_tried_at = case when v.attempt > 0 then coalesce(v.first, (select clock_now())) end
    from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[], %(fence)s::int[], %(status)s::int[], %(recipient)s::text[],
      %(subject)s::text[], %(error)s::text[], %(reason)s::text[], %(connector)s::uuid[], %(retry)s::float8[], %(attempt)s::int[],
      %(first)s::timestamptz[], %(provider_id)s::text[], %(delivery)s::float8[], %(devices)s::jsonb[])
      as v(tenant_id, run_id, seq, fence, status, recipient, subject, error, reason, connector, retry, attempt, first, provider_id,
        delivery, devices)
    where m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq and m.fence = v.fence
      and m.status in (0, 1) and m.lease_until is not null
    """.replace("%(limit)s", LIMIT),
    QUEUED,
    answer="run_id, seq, status = 2 and due_at is not null, reported",
)

# Nothing of them has left: they are as they were before they were claimed. A claim ends by itself like that too.
_REQUEUE = """
update messages m set lease_until = null, fence = m.fence + 1
from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[], %(fence)s::int[]) as v(tenant_id, run_id, seq, fence)
where m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq and m.fence = v.fence
  and m.status = 0 and m.lease_until is not null
"""
_UNCLAIM = """
update messages m set lease_until = null, fence = m.fence + 1 where (m.tenant_id, m.run_id, m.seq) in (
  select tenant_id, run_id, seq from messages where lease_until < now() and status = 0 limit 500 for update skip locked)
"""

_EXPIRE = moving(
    """
    update messages m set status = 9, lease_until = null, fence = m.fence + 1, error_message = %(why)s, reason = 'worker_lost',
      settled_at = clock_now(), due_at = %(limit)s
    from lost where m.tenant_id = lost.tenant_id and m.run_id = lost.run_id and m.seq = lost.seq
    """.replace("%(limit)s", LIMIT),
    QUEUED,
    values="""lost as (
      select tenant_id, run_id, seq from messages where lease_until < now() and status = 1 limit 500 for update skip locked)""",
    answer="tenant_id, contact_id, channel",
)

_GIVE_UP = moving(
    """
    update messages m set status = 8, reason = 'server_away', settled_at = clock_now(), fence = m.fence + 1,
      error_message = %(why)s || coalesce(late.words, '')
    from late where m.tenant_id = late.tenant_id and m.run_id = late.run_id and m.seq = late.seq
    """,
    QUEUED,
    values="""late as (
      select m.tenant_id, m.run_id, m.seq, k.state_message as words from connectors k cross join lateral (
        select m.tenant_id, m.run_id, m.seq from messages m
        where m.tenant_id = k.tenant_id and m.connector_id = k.id and m.status = 0 and m.due_at is null
         and m.reason in ('server_away','no_stand_in') and greatest(m.created_at, m.resent_at) < clock_now() - %(hours)s * interval '1 hour'
        order by m.created_at limit 500 for update skip locked) m
      where k.probe_at is not null and k.state = 'away' and k.state_since < clock_now() - %(hours)s * interval '1 hour' limit 500)""",
    answer="run_id, seq, tenant_id, workflow_id, contact_id, channel, payload, recipient, error_message",
)


def _storable(text: str | None) -> str | None:
    """PostgreSQL takes neither NUL nor half a character, and a mail server may say anything."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:1000] if text else text


def mark_sending(connection: Connection, intents: Sequence[Transition]) -> set[LedgerKey]:
    """Write that these are handed over now. Answers those that may be: a row whose fence moved on is left alone."""
    rows = connection.execute(
        _MARK_SENDING,
        {
            **_keys(intents),
            "lease": LEASE_S,
            "recipient": [move.recipient for move in intents],
            "subject": [move.subject for move in intents],
            "connector": [move.connector_id for move in intents],
            "attempt": [move.due.attempt for move in intents],
        },
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


def settle(connection: Connection, moves: Sequence[Transition]) -> set[LedgerKey]:
    """Write what became of messages, in one order for all; answers those that were written. A row whose fence moved on is left alone."""
    moves = sorted(moves, key=lambda move: move.due.key)
    rows = connection.execute(
        _SETTLE,
        {
            **_keys(moves),
            "shard": shards.own(),
            "hours": settings().engine.uncertain_hours,
            "status": [int(move.status) for move in moves],
            "recipient": [move.recipient for move in moves],
            "subject": [move.subject for move in moves],
            "error": [_storable(move.error) for move in moves],
            "reason": [move.reason for move in moves],
            "connector": [move.connector_id for move in moves],
            "retry": [move.retry_s or 0.0 for move in moves],
            "attempt": [move.due.attempt + move.counts for move in moves],
            "first": [move.due.first_tried_at for move in moves],
            "provider_id": [_storable(move.provider_id) for move in moves],
            "delivery": [move.delivery_s for move in moves],
            "devices": [_device_lines(move.devices) for move in moves],
        },
    ).fetchall()
    written = {(row[0], row[1]): row for row in rows}
    for move in moves:
        if (row := written.get(move.due.key)) is not None:
            move.waits, move.reported = row[2], row[3]
    return set(written)


def _device_lines(results: Sequence[DeviceResult]) -> str | None:
    lines = [msgspec.structs.replace(one, text=_storable(one.text) or "") for one in results]
    return jsonlimits.encode(msgspec.to_builtins(lines)).decode() if lines else None


def requeue(connection: Connection, due: Sequence[DueMessage]) -> int:
    """Put claimed messages back into the queue as if nobody had claimed them. Returns how many were still this worker's."""
    if not due:
        return 0
    return connection.execute(_REQUEUE, _keys_of(due)).rowcount


def _keys(moves: Sequence[Transition]) -> dict[str, Any]:
    return _keys_of([move.due for move in moves])


def _keys_of(due: Sequence[DueMessage]) -> dict[str, Any]:
    return {
        "tenant": [one.tenant_id for one in due],
        "run": [one.run_id for one in due],
        "seq": [one.seq for one in due],
        "fence": [one.fence for one in due],
    }


def expire(connection: Connection) -> list[Place]:
    """Of workers that are gone: what was claimed is back in the queue, what was being sent becomes uncertain.

    Nobody can know whether that left, so no machine sends it again. Answers the place of each of those.
    """
    connection.execute(_UNCLAIM)
    parameters = {"shard": shards.own(), "why": NOBODY_KNOWS, "hours": settings().engine.uncertain_hours}
    return [(row[0], row[1], row[2]) for row in connection.execute(_EXPIRE, parameters).fetchall()]


def give_up(connection: Connection) -> tuple[list[Place], int]:
    """Messages that a server which is away has held for 24 hours fail, some hundred at a time.

    Answers the place of each, and how many runs were told.
    """
    why = gettext("Given up after %(give_up_hours)s hours. ", give_up_hours=GIVE_UP_HOURS)
    parameters = {"shard": shards.own(), "hours": GIVE_UP_HOURS, "why": why}
    places, notes = [], []
    for row in connection.execute(_GIVE_UP, parameters).fetchall():
        run_id, seq, tenant_id, workflow_id, contact_id, channel, payload, recipient, error = row
        places.append((tenant_id, contact_id, channel))
        if (payload or {}).get(AWAITED):
            output = {"status": MessageStatus.FAILED.word, "recipient": recipient, "reason": "server_away"}
            notes.append(inbox.SettledMessage(tenant_id, contact_id, workflow_id, run_id, seq, "error", output, error))
    return places, inbox.settled(connection, notes)


def settle_undecided(connection: Connection) -> int:
    """Uncertain messages about which nobody has decided in time: the rule of their workflow does, or their run leaves by `error`.

    Returns how many runs were notified.
    """
    hours = settings().engine.uncertain_hours
    why = gettext("Nobody could say within %(hours)s whether the message left.", hours=counted(hours, "hour"))
    return len(connection.execute(FOLLOW_RULES, {"why": why, "shard": shards.own()}).fetchall())


def change_connectors(connection: Connection, changes: Sequence[StateChange]) -> list[StateChange]:
    """Write what became of connectors; answers those that are news. In one order for all workers."""
    ordered = sorted(changes, key=lambda change: change.of.id)
    return [change for change in ordered if connection.execute(CHANGE, change.parameters).rowcount]
