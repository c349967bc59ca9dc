"""The gates of connectors: how many calls or messages may begin by each now, counted over all workers.

A worker that looks for work asks for the gates of what waits, claims, and says what it took, in one short transaction without network.
The row of a gate is locked with SKIP LOCKED: of two workers that look in the same instant, the second leaves this connector alone and
looks again, so nobody waits for a lock. What is under way is counted from leases by whoever asks, so a
worker that dies gives back what it had when its lease ends. Tokens come back by the clock: more workers are no higher rate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from app.connectors.limits import Allowance, allowance
from app.lib import clock

GateKey = tuple[int, UUID]
"""Workspace and connector."""
_READ = """
select c.tenant_id, c.id, c.type, c.max_concurrent, c.rate, c.rate_seconds, c.burst,
  case when c.paused_until > clock_now() then c.paused_until end, clock_now(), c.state, c.state = 'away' and c.probe_at <= clock_now(),
  g.connector_id is not null, coalesce(g.used_at, '-infinity') < clock_now() - interval '1 minute'
from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id) join connectors c on c.tenant_id = w.tenant_id and c.id = w.id
  left join connector_gates g on g.tenant_id = c.tenant_id and g.connector_id = c.id
"""
ALONE = "{wait}(7331, hashtext(w.id::text))"
"""Whoever makes the gate of a connector: who looks for work asks whether nobody does, and who notes what calls said waits."""
_MAKE = f"""
insert into connector_gates (tenant_id, connector_id)
select w.tenant_id, w.id from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id)
where not exists (select from connector_gates g where g.tenant_id = w.tenant_id and g.connector_id = w.id)
  and {ALONE.format(wait="pg_try_advisory_xact_lock")}
order by 1, 2 on conflict do nothing
"""  # noqa: S608  constants
_LOCK = """
select g.tenant_id, g.connector_id, g.tokens, g.tokens_at, (select count(*) from unnest(g.tests_until) u where u > clock_now())
from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id)
  join connector_gates g on g.tenant_id = w.tenant_id and g.connector_id = w.id
order by 1, 2 for update of g skip locked
"""
_SPEND = """
update connector_gates g set tokens = v.tokens, tokens_at = clock_now()
from unnest(%(tenants)s::int[], %(ids)s::uuid[], %(tokens)s::float8[]) as v(tenant_id, id, tokens)
where g.tenant_id = v.tenant_id and g.connector_id = v.id
"""
_TAKE_TEST_PLACE = """
update connector_gates set tests_until = array(select u from unnest(tests_until) u where u > clock_now()) || %(until)s::timestamptz
where tenant_id = %(tenant)s and connector_id = %(id)s
"""
_LEAVE_TEST_PLACE = """
update connector_gates set tests_until = array_remove(tests_until, %(until)s::timestamptz)
where tenant_id = %(tenant)s and connector_id = %(id)s
"""
# Once a minute for each connector, however many begin, and by whichever worker is first.
_USED = """
update connector_gates g set used_at = clock_now() where (g.tenant_id, g.connector_id) in (
  select tenant_id, connector_id from connector_gates
  where (tenant_id, connector_id) in (select * from unnest(%(tenants)s::int[], %(ids)s::uuid[]))
    and coalesce(used_at, '-infinity') < clock_now() - interval '1 minute' for update skip locked)
"""
BUSY_S = 0.05
"""How soon a connector is looked at again whose gate another worker has just now."""


@dataclass(slots=True)
class Gate:
    """What may begin by one connector. `tokens` is None where it has no rate, `busy` where another worker counts just now."""

    limits: Allowance
    tokens: float | None = None
    paused: bool = False
    busy: bool = False
    wait_s: float | None = None
    """In how many seconds more may begin, where that is known."""
    state: str = "ok"
    """Of its breaker (`connectors.state`)."""
    probe_due: bool = False
    """It is away, and one call may try it."""
    tests: int = 0
    """Calls under way that tests make, where the number at a time is limited. They have no row of their own."""
    use_unnoted: bool = False
    """When it was used last is to be written, with what begins by it now."""

    def room(self, under_way: int) -> int | None:
        """How many may begin, when so many are under way; None: no limit."""
        if self.paused or self.busy:
            return 0
        rooms = []
        if self.limits.most is not None:
            rooms.append(max(0, self.limits.most - under_way - self.tests))
        if self.tokens is not None:
            rooms.append(int(self.tokens))
        return min(rooms) if rooms else None


def open_gates(connection: psycopg.Connection[Any], keys: Collection[GateKey]) -> dict[GateKey, Gate]:
    """The gates of these connectors, those with limits locked until the transaction ends. Connectors that are gone are missing."""
    if not keys:
        return {}
    gates: dict[GateKey, Gate] = {}
    missing, now = list[GateKey](), clock.now()
    rows = connection.execute(_READ, _arguments(keys)).fetchall()
    for (
        tenant_id,
        connector_id,
        kind,
        most,
        rate,
        rate_seconds,
        burst,
        paused_until,
        now,
        state,
        due,
        known,
        unnoted,
    ) in rows:
        gate = Gate(allowance(kind, most, rate, rate_seconds, burst), state=state, probe_due=due, use_unnoted=unnoted)
        gates[tenant_id, connector_id] = gate
        if paused_until is not None:
            gate.paused, gate.wait_s = True, (paused_until - now).total_seconds()
        elif gate.limits.is_limited and not known:
            missing.append((tenant_id, connector_id))
    if missing:
        connection.execute(_MAKE, _arguments(missing))
    limited = [key for key, gate in gates.items() if gate.limits.is_limited and not gate.paused]
    if limited:
        _lock(connection, gates, limited, now)
    return gates


def _lock(
    connection: psycopg.Connection[Any], gates: Mapping[GateKey, Gate], keys: Collection[GateKey], now: datetime
) -> None:
    rows = {(row[0], row[1]): row[2:] for row in connection.execute(_LOCK, _arguments(keys)).fetchall()}
    for key in keys:
        gate = gates[key]
        if key not in rows:
            gate.busy, gate.wait_s = True, BUSY_S
            continue
        gate.tests = rows[key][2]
        if gate.limits.rate is not None:
            gate.tokens = gate.limits.tokens_at(now, rows[key][0], rows[key][1])
            gate.wait_s = max(0.0, 1 - gate.tokens) / gate.limits.rate


def spend(connection: psycopg.Connection[Any], gates: Mapping[GateKey, Gate], begun: Mapping[GateKey, int]) -> None:
    """Note what began by gates that this transaction has opened."""
    spent = {key: (gates[key].tokens or 0.0) - count for key, count in begun.items() if gates[key].tokens is not None}
    if spent:
        connection.execute(_SPEND, {**_arguments(spent), "tokens": list(spent.values())})
    note_use(connection, [key for key, count in begun.items() if count and gates[key].use_unnoted])


def take_test_place(connection: psycopg.Connection[Any], key: GateKey, until: datetime) -> None:
    """A call of a test begins by a gate that this transaction has opened, and is over at `until` at the latest."""
    connection.execute(_TAKE_TEST_PLACE, {"tenant": key[0], "id": key[1], "until": until})


def leave_test_place(connection: psycopg.Connection[Any], key: GateKey, until: datetime) -> None:
    """It is over."""
    connection.execute(_LEAVE_TEST_PLACE, {"tenant": key[0], "id": key[1], "until": until})


def note_use(connection: psycopg.Connection[Any], keys: Collection[GateKey]) -> None:
    """Something begins by these connectors, of which nobody wrote so for a minute."""
    if keys:
        connection.execute(_MAKE, _arguments(keys))
        connection.execute(_USED, _arguments(keys))


def _arguments(keys: Collection[GateKey]) -> dict[str, Any]:
    ordered = list(keys)
    return {"tenants": [key[0] for key in ordered], "ids": [key[1] for key in ordered]}
