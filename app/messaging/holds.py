"""What is kept out of the queue for a cause, and put back when that is over: by sets, bounded, and by index however much is held.

A paused connector or workflow, a server that is away, or that there is no connector at all. Who ends a cause frees what it held
(`app.connectors.release_repository`); what an away server held is freed here, once a mail got through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.connectors.stand_in_repository import HOLDERS
from app.lib.translation import gettext
from app.messaging.channels import words
from app.messaging.lanes import LANE, WAITING, LaneKey
from app.messaging.ledger import Connection, DueMessage

HOLD_AT_ONCE = 1000
"""How many rows one statement takes out of the due index, or puts back into it."""
RESTS = "('connector_paused', 'server_away')"
"""Reasons of messages that wait for their connector and may leave by another."""
PROBE_FROM = 20
"""How many held messages are looked at for one that may try an away server: the oldest may wait for another."""

# The cause is locked, so that nothing is held for a cause that somebody is just ending: who ends it frees what was held before.
_HOLD = f"""
with cause as ({{cause}} for share), held as (
  select m.run_id, m.seq from messages m, cause
  where m.tenant_id = %(tenant)s and {WAITING} and m.channel = %(channel)s and m.due_at <= clock_now() and {{which}}
  order by m.priority, m.due_at limit %(at_once)s for update of m skip locked)
update messages m set due_at = null, reason = %(reason)s, error_message = {{words}}, connector_id = cause.connector_id
from held, cause where m.tenant_id = %(tenant)s and m.run_id = held.run_id and m.seq = held.seq
"""  # noqa: S608
_OF_CONNECTOR = f"{LANE} = %(lane)s and (%(lane)s = %(id)s::text or (cause.is_default and %(lane)s = ''))"
_UNTIL = """
cause.words || ' It is tried until ' || to_char((greatest(m.created_at, m.resent_at, cause.since) + interval '24 hours') at time zone 'UTC',
  'FMDD FMMonth YYYY, HH24:MI') || ' UTC and then given up.'
"""
_HOLDS = {
    "connector_paused": _HOLD.format(
        cause="select id as connector_id, is_default, state_message as words from connectors"
        " where tenant_id = %(tenant)s and id = %(id)s and state = 'paused'",
        which=_OF_CONNECTOR,
        words="cause.words",
    ),
    "server_away": _HOLD.format(
        cause="select id as connector_id, is_default, state_since as since, state_message as words from connectors"
        " where tenant_id = %(tenant)s and id = %(id)s and state = 'away'",
        which=_OF_CONNECTOR,
        words=_UNTIL,
    ),
    "no_connector": _HOLD.format(
        cause="select null::uuid as connector_id, %(words)s::text as words"
        " from workspaces w where w.id = %(tenant)s"
        " and not exists (select from connectors where tenant_id = w.id and channel = %(channel)s and is_default)",
        which=f"{LANE} = ''",
        words="cause.words",
    ),
    "workflow_paused": _HOLD.format(
        cause="select null::uuid as connector_id, 'The workflow is paused.' as words from workflows"
        " where tenant_id = %(tenant)s and id = %(id)s and status = 'paused'",
        which=f"{LANE} = %(lane)s and m.workflow_id = %(id)s",
        words="cause.words",
    ),
}

# One at a time, because it is about itself: why no stand-in may send it is said beside why its connector does not work.
_HOLD_ONE = """
with cause as (
  select id as connector_id, state_message as words from connectors
  where tenant_id = %(tenant)s and id = %(id)s and state <> 'ok' for share)
update messages m set due_at = null, reason = 'no_stand_in', connector_id = cause.connector_id,
  error_message = concat_ws(' ', cause.words, v.words)
from unnest(%(run)s::uuid[], %(seq)s::int[], %(words)s::text[]) as v(run_id, seq, words), cause
where m.tenant_id = %(tenant)s and m.run_id = v.run_id and m.seq = v.seq and m.status = 0 and m.due_at is not null and m.lease_until is null
"""

# Who sends the probe has it for this long; then another may try. Asked of the rows that are written: of two workers the second reads
# them again when the first has committed.
_PROBE = """
update connectors c set probe_at = clock_now() + interval '2 minutes'
from connectors me where me.tenant_id = %(tenant)s and me.id = %(id)s
  and c.tenant_id = me.tenant_id and c.server = me.server and c.state = 'away' and c.probe_at <= clock_now() returning c.id
"""
_FREE = """
update messages m set due_at = clock_now(), reason = null, error_message = null where m.tenant_id = %(tenant)s and (m.run_id, m.seq) in (
  select run_id, seq from messages
  where tenant_id = %(tenant)s and connector_id = %(id)s and status = 0 and due_at is null
  order by created_at limit %(at_once)s for update skip locked)
"""
# What others hold that a stand-in may send now; a message that it must not send stays with its own.
_FREE_FOR_STAND_IN = f"""
update messages m set due_at = clock_now(), reason = null, error_message = null where m.tenant_id = %(tenant)s and (m.run_id, m.seq) in (
  select run_id, seq from messages
  where tenant_id = %(tenant)s and connector_id in ({HOLDERS}) and status = 0 and due_at is null and reason in {RESTS}
  order by created_at limit %(at_once)s for update skip locked)
"""  # noqa: S608
_RECOVERED = """
select id, tenant_id from connectors where probe_at is not null and state = 'ok' order by id for update skip locked
"""
_FREED = """
update connectors set probe_at = null where tenant_id = %(tenant)s and id = %(id)s and not exists (
  select from messages where tenant_id = %(tenant)s and connector_id = %(id)s and status = 0 and due_at is null)
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why messages of a lane are held: `id` is the connector's or the workflow's."""

    reason: Literal["connector_paused", "server_away", "no_connector", "workflow_paused", "no_stand_in"]
    lane: LaneKey
    id: UUID | None = None
    words: str = ""
    """Why one message has to wait, and not its whole lane."""


def hold(connection: Connection, cause: Cause) -> int:
    """Take due messages that `cause` keeps from leaving out of the due index. Returns how many; 0 when the cause is over."""
    tenant_id, channel, lane_name = cause.lane
    arguments = {
        "tenant": tenant_id,
        "channel": channel,
        "lane": lane_name,
        "id": cause.id,
        "reason": cause.reason,
        "at_once": HOLD_AT_ONCE,
        "words": gettext(
            "There is no connector for %(messages)s. Add one under Connectors.", messages=words.plural([channel])
        ),
    }
    return connection.execute(_HOLDS[cause.reason], arguments).rowcount


def hold_some(connection: Connection, cause: Cause, messages: Sequence[DueMessage]) -> int:
    """Take these messages out of the due index that no stand-in may send. Returns how many; 0 when their connector works again."""
    arguments = {
        "tenant": cause.lane[0],
        "id": cause.id,
        "run": [one.run_id for one in messages],
        "seq": [one.seq for one in messages],
        "words": [cause.words] * len(messages),
    }
    return connection.execute(_HOLD_ONE, arguments).rowcount


def take_probe(connection: Connection, tenant_id: int, away_id: UUID | None, holder_id: UUID | None) -> bool:
    """May this worker try the away server? Then a few of the oldest that `holder` holds are due, for a look to take one of them."""
    if not connection.execute(_PROBE, {"id": away_id, "tenant": tenant_id}).fetchall():
        return False
    connection.execute(_FREE, {"id": holder_id, "tenant": tenant_id, "at_once": PROBE_FROM})
    return True


def free_recovered(connection: Connection) -> int:
    """Make due again what servers held that work now, the oldest first, a bounded number of each. Returns how many."""
    freed = 0
    for connector_id, tenant_id in connection.execute(_RECOVERED).fetchall():
        arguments = {"id": connector_id, "tenant": tenant_id, "at_once": HOLD_AT_ONCE}
        freed += (count := connection.execute(_FREE, arguments).rowcount)
        freed += (others := connection.execute(_FREE_FOR_STAND_IN, arguments).rowcount)
        if max(count, others) < HOLD_AT_ONCE:
            connection.execute(_FREED, arguments)
    return freed
