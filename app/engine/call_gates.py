"""What may begin, over all workers: limits of connectors (`gate_repository`), and what is away (`breaker_repository`, `host_repository`).

A look reads both for the connectors and hosts of which something waits, and notes what it claimed, in its one transaction. Calls of which
nothing may begin stay where they are, so that they are delayed and not failed; those that have waited for a day for a service fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from app.connectors import breaker_repository, gate_repository, host_repository
from app.connectors.gate_repository import Gate, GateKey
from app.engine import calls
from app.engine.call_shares import CallLane
from app.engine.calls import CallRow, Claim
from app.flow.performers import connector_of
from app.lib import jsonlimits
from app.lib.translation import gettext

Connection = psycopg.Connection[Any]
GIVE_UP_HOURS = 24
"""How long a call waits for a service that is away, as a mail does for its server."""


class GatesOpened(NamedTuple):
    """How many calls may begin by (workspace, target), and how soon that changes by itself."""

    rooms: dict[tuple[int, str], int]
    at_a_time: dict[tuple[int, str], int]
    """How many may be under way at a time, over all workers, where a connector says so."""
    gates: dict[GateKey, Gate]
    wait_s: float | None


def key_of(tenant_id: int, target: str) -> GateKey | None:
    """The connector that calls to a target are made by; None when they name none."""
    connector_id = connector_of(target)
    return (tenant_id, connector_id) if connector_id is not None else None


def open_for(connection: Connection, lanes: Sequence[CallLane]) -> GatesOpened:
    """What may begin by the connectors of these lanes, and to the hosts of those without one."""
    by_connectors, urls = _of_connectors(connection, lanes), _of_hosts(connection, lanes)
    waits = [wait_s for wait_s in (by_connectors.wait_s, urls.wait_s) if wait_s is not None]
    return by_connectors._replace(rooms=by_connectors.rooms | urls.rooms, wait_s=min(waits, default=None))


def _of_hosts(connection: Connection, lanes: Sequence[CallLane]) -> GatesOpened:
    keys = {(lane.tenant_id, lane.target) for lane in lanes if key_of(lane.tenant_id, lane.target) is None}
    opened = host_repository.rooms(connection, keys)
    waits = [one.wait_s for one in opened.values() if one.wait_s is not None]
    return GatesOpened({key: one.room for key, one in opened.items()}, {}, {}, min(waits, default=None))


def _of_connectors(connection: Connection, lanes: Sequence[CallLane]) -> GatesOpened:
    targets = {key: (lane.tenant_id, lane.target) for lane in lanes if (key := key_of(lane.tenant_id, lane.target))}
    opened = gate_repository.open_gates(connection, targets)
    if not opened:
        return GatesOpened({}, {}, {}, None)
    counts = calls.under_way(connection, [targets[key] for key, gate in opened.items() if gate.limits.most is not None])
    rooms, waits = dict[tuple[int, str], int](), list[float]()
    for key, gate in opened.items():
        room = gate.room(counts.get(targets[key], 0))
        if room is not None:
            rooms[targets[key]] = room
        if gate.wait_s is not None:
            waits.append(gate.wait_s)
    shut = [key for key, gate in opened.items() if gate.state != "ok" and rooms.get(targets[key]) != 0]
    tried = breaker_repository.probes(connection, [key for key in shut if opened[key].probe_due])
    for key in shut:
        rooms[targets[key]] = tried.get(key, 0)
    at_a_time = {targets[key]: gate.limits.most for key, gate in opened.items() if gate.limits.most is not None}
    return GatesOpened(rooms, at_a_time, opened, min(waits, default=None))


def spend(connection: Connection, opened: GatesOpened, claims: Sequence[Claim]) -> None:
    """Note what was claimed of it."""
    begun = Counter(key for claim in claims if (key := key_of(claim.call.tenant_id, claim.call.target)))
    gate_repository.spend(connection, opened.gates, {key: count for key, count in begun.items() if key in opened.gates})


def give_up(connection: Connection) -> int:
    """Calls that have waited for a day for a service that is away fail; how many runs were told."""
    rows = calls.waited_for_days(connection, GIVE_UP_HOURS)
    ends = [(CallRow._make(row[:-1]), _failure(row[-1])) for row in rows]
    return sum(result.written for result in calls.answer(connection, ends))


def _failure(words: str | None) -> str:
    error = gettext(
        "The service could not be used for %(give_up_hours)s hours. %(value)s",
        give_up_hours=GIVE_UP_HOURS,
        value=words or "",
    ).rstrip()
    return jsonlimits.encode({"ok": False, "error": error, "permanent": True}).decode()
