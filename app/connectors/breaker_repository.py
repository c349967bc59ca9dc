"""The circuit breaker of connectors to services, which all workers share: `away` after failures in a row, one probe at growing pauses.

Its state is that of every connector (`state`): what opens it for mail is the talk with the server, here it is what calls say of the
service (`ServiceSign`). While it is away calls wait in their table, one of them tries it when it is time (`probe_at`), and the first that
is answered closes it. Credentials that are refused pause the connector until a person mends it. A call counts only for settings and a
state that are older than itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import psycopg

from app.connectors.call_signs import FAILURES, PROBE_S, REFUSALS, SEVERAL, CallSign, SignTally
from app.connectors.gate_repository import ALONE, GateKey
from app.connectors.repository import CHANGE
from app.connectors.state import ConnectorState, StateChange

_STATES = """
select c.tenant_id, c.id, c.state, c.state = 'away' and c.probe_at <= clock_now()
from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id) join connectors c on c.tenant_id = w.tenant_id and c.id = w.id
where c.state <> 'ok'
"""
_PROBE = """
update connectors c set probe_at = clock_now() + %(probe)s * interval '1 second' where (c.tenant_id, c.id) in (
  select tenant_id, id from connectors
  where (tenant_id, id) in (select * from unnest(%(tenants)s::int[], %(ids)s::uuid[])) and state = 'away' and probe_at <= clock_now()
  for update skip locked)
returning c.tenant_id, c.id
"""
_BEFORE = """
select c.tenant_id, c.id, c.state, c.state_since, c.updated_at, coalesce(g.failures_in_row, 0), coalesce(g.refusals_in_row, 0)
from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id) join connectors c on c.tenant_id = w.tenant_id and c.id = w.id
  left join connector_gates g on g.tenant_id = c.tenant_id and g.connector_id = c.id
"""
_COUNT = f"""
insert into connector_gates as g (tenant_id, connector_id, failures_in_row, refusals_in_row, refused_request)
select * from unnest(%(tenants)s::int[], %(ids)s::uuid[], %(failures)s::int[], %(doubts)s::int[], %(doubted)s::text[])
  as v(tenant_id, id, failures, doubts, doubted) order by 1, 2
on conflict (tenant_id, connector_id) do update set failures_in_row = excluded.failures_in_row
    + case when excluded.connector_id = any(%(after_success)s::uuid[]) then 0 else least(g.failures_in_row, 10000) end,
  refusals_in_row = excluded.refusals_in_row
    + case when excluded.connector_id = any(%(cleared)s::uuid[]) then 0 else least(g.refusals_in_row, 10000) end,
  refused_request = case when excluded.connector_id = any(%(cleared)s::uuid[]) or g.refused_request is null then excluded.refused_request
    when coalesce(excluded.refused_request, g.refused_request) = g.refused_request then g.refused_request else '{SEVERAL}' end
returning tenant_id, connector_id, failures_in_row, refusals_in_row >= {REFUSALS} or coalesce(refused_request = '{SEVERAL}', false)
"""  # noqa: S608  constants
# Two workers that note things of the same connectors take them in one order, whatever each has to say: gates, then connectors with those
# that share their server.
_MAKERS = f"""
select {ALONE.format(wait="pg_advisory_xact_lock")} from (
  select w.id from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id)
  where not exists (select from connector_gates g where g.tenant_id = w.tenant_id and g.connector_id = w.id) order by 1) w
"""  # noqa: S608  constants
_IN_ORDER = """
select c.id from connectors c where (c.tenant_id, c.server) in (
  select me.tenant_id, me.server from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as w(tenant_id, id)
    join connectors me on me.tenant_id = w.tenant_id and me.id = w.id)
order by c.tenant_id, c.id for no key update of c
"""
_PAUSE = """
update connectors c set paused_until = clock_now() + v.wait * interval '1 second'
from unnest(%(tenants)s::int[], %(ids)s::uuid[], %(waits)s::float8[]) as v(tenant_id, id, wait)
where c.tenant_id = v.tenant_id and c.id = v.id
  and coalesce(c.paused_until, '-infinity') < clock_now() + v.wait * interval '1 second'
"""


def shut(connection: psycopg.Connection[Any], keys: Collection[GateKey]) -> dict[GateKey, int]:
    """Of these connectors those that are paused, or whose breaker is open, with how many calls may be made: the one probe, or none."""
    if not keys:
        return {}
    states = {(row[0], row[1]): row[2:] for row in connection.execute(_STATES, _keys(keys)).fetchall()}
    return dict.fromkeys(states, 0) | probes(connection, [key for key, (_, due) in states.items() if due])


def probes(connection: psycopg.Connection[Any], keys: Collection[GateKey]) -> dict[GateKey, int]:
    """The one call that may try each of these, whose breaker is open and whose probe is due, if no other worker was first."""
    if not keys:
        return {}
    return {(row[0], row[1]): 1 for row in connection.execute(_PROBE, {**_keys(keys), "probe": PROBE_S}).fetchall()}


def note(connection: psycopg.Connection[Any], signs: Sequence[CallSign]) -> tuple[set[GateKey], list[StateChange]]:
    """Write what calls said. Answers the connectors that are away or paused now, and what has changed, to be logged after the commit.

    Where all is well and was well before, nothing is written.
    """
    if not signs:
        return set(), []
    before = {
        (row[0], row[1]): row[2:] for row in connection.execute(_BEFORE, _keys({one.key for one in signs})).fetchall()
    }
    tallies: dict[GateKey, SignTally] = {}
    for one in signs:
        if one.key in before and one.began >= before[one.key][2]:
            state, since = before[one.key][:2]
            if state != "ok" and since and one.began < since:
                continue  # it says how things were before, or is of the same rush
            tallies.setdefault(one.key, SignTally()).add(one.sign)
    rows = _count(connection, {key: tally for key, tally in tallies.items() if _counts(tally, *before[key][3:])})
    changes = []
    for key in sorted(tallies):
        state, since, as_of = before[key][:3]
        condition = ConnectorState(key[1], key[0], state, since, as_of)
        if change := _change(condition, tallies[key], *rows.get(key, (0, False))):
            changes.append(change)
    waits = {key: tally.wait_s for key, tally in tallies.items() if tally.wait_s}
    if touched := {*waits, *((change.of.tenant_id, change.of.id) for change in changes)}:
        connection.execute(_IN_ORDER, _keys(touched))
    _pause(connection, waits)
    news = [change for change in changes if connection.execute(CHANGE, change.parameters).rowcount]
    away = {key for key, row in before.items() if row[0] != "ok"}
    for change in changes:
        changed_key = change.of.tenant_id, change.of.id
        (away.discard if change.state == "ok" else away.add)(changed_key)
    return away, news


def _counts(tally: SignTally, failures: int, refusals: int) -> bool:
    """Is there anything to write, where these are counted by now?"""
    return bool(tally.failures or tally.doubts or failures or (tally.cleared and refusals))


def _change(condition: ConnectorState, tally: SignTally, failures: int, refused: bool) -> StateChange | None:
    """`refused`: so many requests in a row were answered 401 that it is the credentials."""
    words = tally.refused or (tally.last_words if refused and tally.doubts else "")
    if words:
        return StateChange(condition, "paused", words) if condition.state != "paused" else None
    if condition.state == "away":
        if tally.worked and not tally.failures:
            return StateChange(condition, "ok")
        return (
            StateChange(condition, "away", tally.last_words, wait_s=tally.wait_s, again=True)
            if tally.failures
            else None
        )
    if condition.state == "ok" and failures >= FAILURES:
        return StateChange(condition, "away", tally.last_words, wait_s=tally.wait_s)
    return None


def _count(connection: psycopg.Connection[Any], tallies: dict[GateKey, SignTally]) -> dict[GateKey, tuple[int, bool]]:
    """Failures in a row, and whether it is the credentials."""
    if not tallies:
        return {}
    arguments = {
        **_keys(tallies),
        "failures": [tally.failures for tally in tallies.values()],
        "doubts": [tally.doubts for tally in tallies.values()],
        "doubted": [tally.doubted or None for tally in tallies.values()],
        "after_success": [key[1] for key, tally in tallies.items() if tally.worked],
        "cleared": [key[1] for key, tally in tallies.items() if tally.cleared],
    }
    connection.execute(_MAKERS, _keys(tallies))
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(_COUNT, arguments).fetchall()}


def _pause(connection: psycopg.Connection[Any], waits: dict[GateKey, float]) -> None:
    if waits:
        connection.execute(_PAUSE, {**_keys(waits), "waits": list(waits.values())})


def _keys(keys: Collection[GateKey]) -> dict[str, list[Any]]:
    ordered = list(keys)
    tenants: list[int] = [key[0] for key in ordered]
    ids: list[UUID] = [key[1] for key in ordered]
    return {"tenants": tenants, "ids": ids}
