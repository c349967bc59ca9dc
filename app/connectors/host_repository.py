"""The circuit breaker of hosts that steps call by no connector, which all workers share: its rules are those of `breaker_repository`.

It is one workspace's: what another one meets at the same host says nothing here. A host has a row from its first failure, and loses it
a day after the last sign, so nothing is written where all is well, and no list of hosts grows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import psycopg
import structlog

from app.connectors.call_signs import FAILURES, PROBE_S, HostSign, SignTally
from app.connectors.state import LONGEST_PAUSE_S, PAUSE_S

log = structlog.get_logger()
HostKey = tuple[int, str]
"""Workspace and host."""
MAX_WORDS = 500

_READ = """
select h.tenant_id, h.host, h.state, h.state = 'away' and h.probe_at <= clock_now(), extract(epoch from h.paused_until - clock_now())
from unnest(%(tenants)s::int[], %(hosts)s::text[]) as w(tenant_id, host)
  join service_hosts h on h.tenant_id = w.tenant_id and h.host = w.host
where h.state <> 'ok' or h.paused_until > clock_now()
"""
_PROBE = """
update service_hosts h set probe_at = clock_now() + %(probe)s * interval '1 second' where (h.tenant_id, h.host) in (
  select tenant_id, host from service_hosts
  where (tenant_id, host) in (select * from unnest(%(tenants)s::int[], %(hosts)s::text[])) and state = 'away' and probe_at <= clock_now()
  for update skip locked)
returning h.tenant_id, h.host
"""
_BEFORE = """
select h.tenant_id, h.host, h.state, h.state_since, h.failures_in_row
from unnest(%(tenants)s::int[], %(hosts)s::text[]) as w(tenant_id, host)
  join service_hosts h on h.tenant_id = w.tenant_id and h.host = w.host
"""
# A row that another worker has changed since it was looked at stays: what is said here is of the time before that.
_NOTE = f"""
with said as (
  select * from unnest(%(tenants)s::int[], %(hosts)s::text[], %(states)s::text[], %(since)s::timestamptz[], %(failures)s::int[],
    %(worked)s::bool[], %(words)s::text[], %(waits)s::float8[]) as v(tenant_id, host, state, since, failures, worked, words, wait)),
noted as (
  insert into service_hosts as h (tenant_id, host, failures_in_row, state, state_since, state_message, failures, probe_at, paused_until)
  select tenant_id, host, failures, case when failures >= {FAILURES} then 'away' else 'ok' end,
    case when failures >= {FAILURES} then clock_now() end, case when failures >= {FAILURES} then words end,
    case when failures >= {FAILURES} then 1 else 0 end,
    case when failures >= {FAILURES} then clock_now() + interval '1 second' * greatest(wait, {PAUSE_S}) end,
    clock_now() + interval '1 second' * nullif(wait, 0)
  from said order by 1, 2
  on conflict (tenant_id, host) do nothing returning tenant_id, host, 'ok' as was, h.state, h.state_message as words),
turned as (
  select h.tenant_id, h.host, v.words, v.wait,
    v.failures + case when v.worked then 0 else least(h.failures_in_row, 10000) end as in_row, h.state as was, h.failures,
    case when h.state = 'ok' and v.failures + case when v.worked then 0 else h.failures_in_row end >= {FAILURES} then 'away'
      when h.state = 'away' and v.worked and v.failures = 0 then 'ok' else h.state end as state,
    h.state = 'away' and v.failures > 0 as again
  from said v join service_hosts h on h.tenant_id = v.tenant_id and h.host = v.host
    and h.state = v.state and h.state_since is not distinct from v.since
  order by 1, 2 for no key update of h),
changed as (
  update service_hosts h set state = t.state, failures_in_row = t.in_row, noted_at = clock_now(),
    state_since = case when t.state = t.was then h.state_since else clock_now() end,
    state_message = case when t.state = 'ok' then null when t.was = 'ok' or t.again then t.words else h.state_message end,
    failures = case when t.state = 'ok' then 0 when t.was = 'ok' or t.again then least(h.failures + 1, 20) else h.failures end,
    probe_at = case when t.state = 'ok' then null when t.was = 'ok' or t.again then clock_now() + interval '1 second'
      * greatest(t.wait, least({PAUSE_S} * 2 ^ h.failures, {LONGEST_PAUSE_S}) * (0.75 + (select random()) / 4)) else h.probe_at end,
    paused_until = greatest(h.paused_until, clock_now() + interval '1 second' * nullif(t.wait, 0))
  from turned t where h.tenant_id = t.tenant_id and h.host = t.host
  returning h.tenant_id, h.host, t.was, h.state, h.state_message as words)
select tenant_id, host, state, words from noted where was <> state union all select tenant_id, host, state, words from changed
where was <> state
"""  # noqa: S608  constants
_AWAY = """
select h.tenant_id, h.host from unnest(%(tenants)s::int[], %(hosts)s::text[]) as w(tenant_id, host)
  join service_hosts h on h.tenant_id = w.tenant_id and h.host = w.host where h.state = 'away'
"""


class HostRoom(NamedTuple):
    """A host to which not all may begin: how many may, and in how many seconds that changes by itself, where that is known."""

    room: int
    wait_s: float | None = None


class HostChange(NamedTuple):
    """A state that a host came into."""

    tenant_id: int
    host: str
    state: str
    words: str | None

    def log(self) -> None:
        """Write the one line of the log about this change, once it is stored."""
        say = log.info if self.state == "ok" else log.warning
        say(f"host.{self.state}", host=self.host, tenant_id=self.tenant_id, message=self.words)


def rooms(connection: psycopg.Connection[Any], keys: Collection[HostKey]) -> dict[HostKey, HostRoom]:
    """Of these hosts those to which nothing may begin now, or one call that tries it."""
    if not keys:
        return {}
    rows = connection.execute(_READ, _arguments(keys)).fetchall()
    opened = {
        (row[0], row[1]): HostRoom(0, float(row[4]) if row[4] is not None and row[4] > 0 else None) for row in rows
    }
    due = [(row[0], row[1]) for row in rows if row[3] and opened[row[0], row[1]].wait_s is None]
    if due:
        probes = connection.execute(_PROBE, {**_arguments(due), "probe": PROBE_S}).fetchall()
        opened |= {(row[0], row[1]): HostRoom(1) for row in probes}
    return opened


def note(connection: psycopg.Connection[Any], signs: Sequence[HostSign]) -> tuple[set[HostKey], list[HostChange]]:
    """Write what calls said. Answers the hosts that are away now, and what has changed, to be logged after the commit."""
    if not signs:
        return set(), []
    keys = {one.key for one in signs}
    before = {(row[0], row[1]): row[2:] for row in connection.execute(_BEFORE, _arguments(keys)).fetchall()}
    tallies: dict[HostKey, SignTally] = {}
    for one in signs:
        state, since, _ = before.get(one.key, ("ok", None, 0))
        if state == "away" and since and one.began < since:
            continue  # it says how things were before, or is of the same rush
        tallies.setdefault(one.key, SignTally()).add(one.sign)
    news = {
        key: tally
        for key, tally in tallies.items()
        if tally.failures or tally.wait_s or (key in before and (before[key][0] != "ok" or before[key][2]))
    }
    if not news:
        return {key for key, row in before.items() if row[0] == "away"}, []
    arguments = {
        **_arguments(news),
        "states": [before[key][0] if key in before else "ok" for key in news],
        "since": [before[key][1] if key in before else None for key in news],
        "failures": [tally.failures for tally in news.values()],
        "worked": [tally.worked for tally in news.values()],
        "words": [tally.last_words[:MAX_WORDS].replace("\x00", "") for tally in news.values()],
        "waits": [tally.wait_s for tally in news.values()],
    }
    changes = [HostChange(*row) for row in connection.execute(_NOTE, arguments).fetchall()]
    return {(row[0], row[1]) for row in connection.execute(_AWAY, _arguments(keys)).fetchall()}, changes


def _arguments(keys: Collection[HostKey]) -> dict[str, Any]:
    ordered = list(keys)
    return {"tenants": [key[0] for key in ordered], "hosts": [key[1] for key in ordered]}
