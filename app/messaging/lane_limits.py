"""The limits of connectors in a look for messages: what is above them stays in the queue, and nobody else's turn is lost over it.

Counted over all workers by the gates that calls have (`app.connectors.gate_repository`), and by the messages that are claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.connectors import gate_repository
from app.connectors.gate_repository import Gate, GateKey
from app.connectors.stand_in_repository import CARRIER
from app.messaging.lanes import LANE
from app.messaging.ledger import Connection
from app.messaging.queue import Lane

# What is being sent says by which connector; what is claimed leaves by the one that has its lane now.
_CLAIMED = f"""
with claimed as materialized (
  select m.tenant_id, m.channel, {LANE} as lane, case when m.status = 1 then m.connector_id end as by_id, count(*) as n from messages m
  where m.lease_until is not null and m.tenant_id = any(%(tenants)s::int[]) group by 1, 2, 3, 4)
select m.tenant_id, coalesce(m.by_id, v.id) as connector_id, sum(m.n)::int
from claimed m left join connectors d on d.tenant_id = m.tenant_id and d.channel = m.channel
  and case when m.lane = '' then d.is_default else d.id::text = m.lane end
{CARRIER}
group by 1, 2
"""  # noqa: S608  constants


@dataclass(slots=True)
class LaneLimits:
    """What may be claimed by connectors; `rooms` has those that have limits, or rest."""

    gates: dict[GateKey, Gate]
    rooms: dict[GateKey, int] = field(default_factory=dict)
    _limited: set[GateKey] = field(default_factory=set)
    """Those of which less was taken than there was room for otherwise."""

    def within(self, quotas: Mapping[Lane, int]) -> dict[Lane, int]:
        """As many of each lane as its connector may have; lanes of one connector share its room. Lanes with none are left out."""
        within = dict[Lane, int]()
        for lane, count in quotas.items():
            key = _key(lane)
            if key is not None and key in self.rooms and lane.cause is None:
                most = min(count, self.rooms[key])
                self.rooms[key] -= most
                if most < count:
                    self._limited.add(key)
            else:
                most = count
            if most > 0:
                within[lane] = most
        return within

    def holds_back(self, lane: Lane) -> bool:
        """Is the limit the reason why no more was claimed of it?"""
        return _key(lane) in self._limited

    def spend(self, connection: Connection, claimed: Mapping[Lane, int]) -> None:
        """Note what was claimed."""
        begun = Counter[GateKey]()
        for lane, count in claimed.items():
            key = _key(lane)
            if count and key is not None and key in self.gates:
                begun[key] += count
        gate_repository.spend(connection, self.gates, begun)


def _key(lane: Lane) -> GateKey | None:
    return (lane.tenant_id, lane.id) if lane.id is not None else None


def read(connection: Connection, lanes: Collection[Lane]) -> LaneLimits:
    """The limits of the connectors of these lanes; their gates are locked until the transaction ends."""
    opened = gate_repository.open_gates(connection, {key for lane in lanes if (key := _key(lane))})
    limited = {key: gate for key, gate in opened.items() if gate.limits.is_limited or gate.paused}
    counts = _claimed(connection, {key[0] for key, gate in limited.items() if gate.limits.most is not None})
    limits = LaneLimits(opened)
    for key, gate in limited.items():
        room = gate.room(counts.get(key, 0))
        if room is not None:
            limits.rooms[key] = room
    return limits


def _claimed(connection: Connection, tenants: set[int]) -> dict[GateKey, int]:
    if not tenants:
        return {}
    rows = connection.execute(_CLAIMED, {"tenants": list(tenants)}).fetchall()
    return {(row[0], row[1]): row[2] for row in rows if row[1]}
