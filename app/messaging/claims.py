"""What a worker takes on: one transaction that looks, claims what may leave, ends what may not, and holds what has to wait.

Each lane gets what its server has room for. A server that is away gets one mail when it is time to try it, and all others of it are held.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.connectors.state import StateChange
from app.messaging import holds, lane_limits, ledger, queue
from app.messaging.commits import release_followers
from app.messaging.holds import Cause
from app.messaging.lanes import LaneKey
from app.messaging.ledger import Connection, DueMessage, Transition
from app.messaging.outgoing import Claimed, ConnectorUnusable, admit
from app.messaging.queue import Lane, LaneTurns
from app.messaging.send_context import SendContext
from app.messaging.shares import AHEAD, CONNECTIONS

ShareKey = tuple[int, str]
"""Workspace and server."""


@dataclass(slots=True)
class Claims:
    """What a look took on."""

    claimed: list[tuple[ShareKey, Claimed]] = field(default_factory=list)
    open: dict[ShareKey, int | None] = field(default_factory=dict)
    """The servers that may be used now, and how many connections all workers know to be right for each."""
    moved: int = 0
    """Rows that are over or out of the way, so that another look finds others."""
    more: set[ShareKey] = field(default_factory=set)
    """Those of which there was as much as was wanted, so there may be more."""
    runs_notified: int = 0
    state_changes: list[StateChange] = field(default_factory=list)


def claim(connection: Connection, share_quotas: Mapping[ShareKey, int], turns: LaneTurns) -> Claims:
    """Take on as many mails for each server as `wanted` says, of others as many as their connections can have. In a transaction."""
    claims = Claims(moved=holds.free_recovered(connection))
    quotas = _quotas(connection, queue.lanes(connection), share_quotas, claims)
    limits = lane_limits.read(connection, [lane for lane in quotas if lane.cause is None])
    quotas = limits.within(quotas)
    if not quotas:
        return claims
    scan = queue.look(connection, quotas, turns)
    claims.moved += scan.moved
    claimed_counts = Counter(due.lane for due in scan.due)
    limits.spend(connection, {lane: claimed_counts[lane.key] for lane in quotas})
    claims.more = {
        lane.share
        for lane, count in quotas.items()
        if claimed_counts[lane.key] >= count and not limits.holds_back(lane)
    }
    probing = {lane.key: lane for lane in quotas if lane.state == "away"}
    for lane in probing.values():
        if lane.cause and not lane.has_stand_in:  # else the next look deals with the rest: a stand-in may have it
            holds.hold(connection, lane.cause)
    ends, held_messages = _admit(connection, scan.due, {lane.key: lane for lane in quotas}, claims)
    if ends:
        ledger.settle(connection, ends)
    for cause, due in held_messages.items():
        ledger.requeue(connection, due)
        claims.moved += holds.hold_some(connection, cause, due) if cause.words else holds.hold(connection, cause)
    claims.moved += len(ends)
    _, claims.runs_notified = release_followers(connection, ends)
    return claims


def _quotas(
    connection: Connection, lanes: Sequence[Lane], share_quotas: Mapping[ShareKey, int], claims: Claims
) -> dict[Lane, int]:
    """How many mails to take of each lane. Holds those of which none may leave."""
    quotas, sharing = dict[Lane, int](), defaultdict[ShareKey, list[Lane]](list)
    for lane in lanes:
        if (cause := lane.cause) is None:
            claims.open[lane.share] = lane.room
            sharing[lane.share].append(lane)
        elif lane.probe and holds.take_probe(connection, lane.tenant_id, lane.id, lane.first):
            quotas[lane] = claims.open[lane.share] = 1
        elif not (
            lane.probe and lane.has_stand_in
        ):  # another worker tries it: whether a stand-in has the rest, the next look sees
            claims.moved += holds.hold(connection, cause)
    for key, together in sharing.items():
        count = share_quotas.get(key, (claims.open[key] or CONNECTIONS) * AHEAD)
        for lane in together if count > 0 else ():
            quotas[lane] = max(1, count // len(together))
    return quotas


def _admit(
    connection: Connection,
    batch: Sequence[DueMessage],
    lanes: Mapping[LaneKey, Lane],
    claims: Claims,
) -> tuple[list[Transition], dict[Cause, list[DueMessage]]]:
    """Put what may leave into `claims`. Answers what is over instead, and what has to wait for what."""
    ends, changes = list[Transition](), dict[object, StateChange]()
    held_messages = defaultdict[Cause, list[DueMessage]](list)
    if not batch:
        return ends, held_messages
    send_context = SendContext(connection, batch)
    for due in batch:
        lane = due.lane
        try:
            admission = admit(due, send_context, by=lanes[lane].id, probing=lanes[lane].state == "away")
        except ConnectorUnusable as error:
            changes[error.condition.id] = StateChange(error.condition, "paused", error.sentence)
            admission = Cause("connector_paused", due.lane, error.condition.id)
        if isinstance(admission, Claimed):
            claims.claimed.append((lanes[lane].share, admission))
        elif isinstance(admission, Transition):
            ends.append(admission)
        else:
            held_messages[admission].append(due)
    claims.state_changes = ledger.change_connectors(connection, list(changes.values()))
    return ends, held_messages
