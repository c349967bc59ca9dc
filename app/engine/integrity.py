"""What must hold in the database after every fault: the invariants of the engine, checked by set-based SQL.

    I1 no step lost                      I4 no commit by a stale owner (seen as a step too many, or one that leads nowhere)
    I2 one transition a visit            I5 counters are what runs and steps say
    I3 one message a sending step        I8 a run keeps its version       I9 no row crosses a workspace
    I10 what is written twice says the same      S1 to S7 are about segments (`segment_integrity`)

All checks read one snapshot, so the product may run meanwhile. Each answers its first few breaches with their ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from app import wakes
from app.contacts.tag_repository import UNLIKE
from app.counters.message_counters import PREFIX
from app.counters.port_keys import port_key_sql
from app.counters.recount_repository import STARTED, sums_of_starts
from app.counters.variant_counters import PREFIX as OF_VARIANTS
from app.engine import counter_integrity, entry_integrity, segment_integrity, sub_run_integrity
from app.engine.version_ways import ways_without_edge
from app.flow import registry
from app.flow.document import LATE
from app.inbox import InboxKind

SHOWN = 20
"""Breaches that one check names; more of the same kind are seldom news."""


@dataclass(frozen=True)
class Breach:
    """One thing that must not be: the invariant, the rule in words, and where."""

    invariant: str
    rule: str
    where: str

    def __str__(self) -> str:
        return f"{self.invariant}  {self.rule}: {self.where}"


# The edges of every version as (workspace, workflow, version, source, port, target); the trigger is a source too, and so is the beginning
# of runs that were moved to a step (`transfers`), and each step whose wait the time of a loop ended (`loop_times`).
_EDGES = f"""
edges as materialized (
  select v.tenant_id, v.workflow_id, v.version, e->>'source' as source, coalesce(nullif(e->>'sourceHandle', ''), 'next') as port,
    e->>'target' as target
  from workflow_versions v, jsonb_array_elements(v.graph->'edges') e
  union all
  select * from unnest(%(hidden_tenants)s::int[], %(hidden_workflows)s::uuid[], %(hidden_versions)s::int[], %(hidden_sources)s::text[],
    %(hidden_ports)s::text[], %(hidden_targets)s::text[])
  union all
  select distinct tenant_id, workflow_id, version, source, 'next', split_part(source, '.', 2) from (
    select tenant_id, workflow_id, workflow_version, trigger_id from runs where trigger_id like '%%.%%'
    union all
    select tenant_id, workflow_id, version, node_id from retired_stats where key = 'started' and node_id like '%%.%%')
    as moved(tenant_id, workflow_id, version, source)
  union all
  select distinct tenant_id, workflow_id, version, source, port, substr(port, {len(LATE) + 1}) from (
    select r.tenant_id, r.workflow_id, r.workflow_version, s.node_id, s.port from steps s
    join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id where starts_with(s.port, '{LATE}')
    union all
    select tenant_id, workflow_id, version, node_id, key from node_stats where starts_with(key, '{LATE}'))
    as late(tenant_id, workflow_id, version, source, port))
"""

CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "I1",
        "a run has exactly the steps 1 to its seq",
        """
        select r.id, 'seq ' || r.seq || ', steps ' || coalesce(s.n, 0) || ', last ' || coalesce(s.last, 0) from runs r
        left join (select tenant_id, run_id, count(*) as n, max(seq) as last, min(seq) as first from steps group by 1, 2) s
          on s.tenant_id = r.tenant_id and s.run_id = r.id
        where coalesce(s.n, 0) <> r.seq or coalesce(s.last, 0) <> r.seq or coalesce(s.first, 1) <> 1
        """,
    ),
    (
        "I1",
        "each step follows from the one before it by an edge of the run's version",
        f"""
        with {_EDGES}
        select s.run_id, 'step ' || s.seq || ' ' || s.node_id || ' after ' || s.source || ':' || s.port from (
          select s.tenant_id, s.run_id, s.seq, s.node_id, r.workflow_id, r.workflow_version,
            coalesce(lag(s.node_id) over earlier, r.trigger_id, 'trigger') as source,
            coalesce(lag(s.port) over earlier, 'next') as port
          from steps s join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id
          window earlier as (partition by s.tenant_id, s.run_id order by s.seq)) s
        left join edges e on (e.tenant_id, e.workflow_id, e.version) = (s.tenant_id, s.workflow_id, s.workflow_version)
          and e.source = s.source and e.port = s.port
        where e.target is distinct from s.node_id
        """,
    ),
    (
        "I1",
        "an active run stands where its last step led, a completed one where no edge leads on",
        f"""
        with {_EDGES}, last as (
          select r.tenant_id, r.id, r.status, r.current_node_id, r.workflow_id, r.workflow_version,
            coalesce(s.node_id, r.trigger_id, 'trigger') as source, coalesce(s.port, 'next') as port
          from runs r left join steps s on s.tenant_id = r.tenant_id and s.run_id = r.id and s.seq = r.seq where r.status <= 4)
        select l.id, 'status ' || l.status || ', at ' || coalesce(l.current_node_id, 'nothing')
          || ', led to ' || coalesce(e.target, 'nothing')
        from last l left join edges e on (e.tenant_id, e.workflow_id, e.version) = (l.tenant_id, l.workflow_id, l.workflow_version)
          and e.source = l.source and e.port = l.port
        where case when l.status < 4 then e.target is distinct from l.current_node_id else e.target is not null end
        """,
    ),
    (
        "I1",
        "an active run waits for a time or for an answer, an ended one for nothing",
        """
        select id, 'status ' || status || ', resume_at ' || coalesce(resume_at::text, 'none') from runs
        where case when status in (0, 1) then resume_at is null or completed_at is not null
                   when status = 2 then completed_at is not null
                   when status >= 4 then resume_at is not null or completed_at is null else false end
        """,
    ),
    (
        "I1",
        "each waiting run of an active workflow has a wake at or before its time",
        f"""
        with recursive {wakes.PARKED}
        select workflow_id, 'workspace ' || tenant_id || ', due ' || resume_at from ({wakes.FORGOTTEN}) as forgotten
        """,
    ),
    (
        "I1",
        "a run that waits for an event sleeps, and knows since when",
        """
        select id, 'status ' || status || ', for ' || coalesce(waits_for, 'nothing') || ' since ' || coalesce(waits_since::text, 'never')
        from runs where (waits_for is null) <> (waits_since is null) and status <> 3 or (waits_for is not null and status not in (1, 3))
        """,
    ),
    (
        "I1",
        "a run that waits for a message has one that comes to an outcome",
        f"""
        select r.id, 'message ' || r.seq + 1 || ' ' || coalesce('status ' || m.status, 'is gone') from runs r
        left join messages m on m.tenant_id = r.tenant_id and m.run_id = r.id and m.seq = r.seq + 1
        where r.status = 2 and not exists (
            select from calls c where c.tenant_id = r.tenant_id and c.run_id = r.id and c.seq = r.seq + 1 and c.attempt = r.attempt)
          and not exists (select from inbox i where i.tenant_id = r.tenant_id and i.run_id = r.id and i.kind = {InboxKind.SETTLED:d})
          and (m.status is null or m.status not in (0, 1, 2, 9) or (m.status in (2, 9) and m.due_at is null))
          and not {sub_run_integrity.AWAITS_CALLED}
        """,
    ),
    (
        "I1",
        "an active run belongs to a contact that exists",
        """
        select r.id, 'contact ' || r.contact_id from runs r where r.status < 4 and r.contact_id is not null
          and not exists (select from contacts c where c.tenant_id = r.tenant_id and c.id = r.contact_id)
          and not exists (select from inbox i where i.tenant_id = r.tenant_id and i.contact_id = r.contact_id)
        """,
    ),
    (
        "I2",
        "a run's visits to a node are numbered one by one",
        """
        select run_id, node_id || ' visit ' || visit || ' is numbered ' || occurrence from (
          select run_id, node_id, occurrence, row_number() over (partition by tenant_id, run_id, node_id order by seq) as visit
          from steps) s
        where occurrence <> visit
        """,
    ),
    (
        "I2",
        "a run is active or over, not both",
        "select id, 'status ' || e.status || ' and active' from ended_runs e join active_runs using (tenant_id, id)",
    ),
    (
        "I2",
        "a contact has one active run a workflow and entry key, nobody has an entry key",
        """
        select min(id::text), contact_id || ' ' || count(*) || ' runs' from runs
        where status < 4 and entry_key is not null group by tenant_id, contact_id, workflow_id, entry_key having count(*) > 1
        union all
        select id::text, 'nobody, entry key ' || entry_key from runs where contact_id is null and entry_key is not null
        """,
    ),
    (
        "I3",
        "a message belongs to a step that sends, over or under way",
        """
        select m.run_id, 'message ' || m.seq from messages m
        left join runs r on r.tenant_id = m.tenant_id and r.id = m.run_id
        left join steps s on s.tenant_id = m.tenant_id and s.run_id = m.run_id and s.seq = m.seq
        left join workflow_versions v
          on v.tenant_id = r.tenant_id and v.workflow_id = r.workflow_id and v.version = r.workflow_version
        left join lateral (select n->>'type' as type from jsonb_array_elements(v.graph->'nodes') n
          where n->>'id' = coalesce(s.node_id, r.current_node_id)) node on true
        where node.type is null or node.type <> all(%(sending)s) or (s.run_id is null and m.seq <> r.seq + 1)
        union all
        select m.run_id, 'message ' || m.seq || ' of version ' || m.workflow_version || ' ' || m.node_id from messages m
        join runs r on r.tenant_id = m.tenant_id and r.id = m.run_id
        left join steps s on s.tenant_id = m.tenant_id and s.run_id = m.run_id and s.seq = m.seq
        where (m.workflow_version, m.node_id) is distinct from (r.workflow_version, coalesce(s.node_id, r.current_node_id))
        """,
    ),
    (
        "I3",
        "a sending step that is over has its message",
        """
        select s.run_id, 'step ' || s.seq || ' ' || s.node_id from steps s
        join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id
        join (select v.tenant_id, v.workflow_id, v.version, n->>'id' as id
          from workflow_versions v, jsonb_array_elements(v.graph->'nodes') n
          where n->>'type' = any(%(sending)s)) node
          on (node.tenant_id, node.workflow_id, node.version) = (r.tenant_id, r.workflow_id, r.workflow_version) and node.id = s.node_id
        where s.status = 4
          and not exists (select from messages m where m.tenant_id = s.tenant_id and m.run_id = s.run_id and m.seq = s.seq)
        """,
    ),
    (
        "I3",
        "a message that is over waits for nothing",
        """
        select run_id, 'message ' || seq || ' status ' || status from messages
        where case when status = 0 then due_at is null and reason is null when status = 1 then lease_until is null
                   else (due_at is not null
                       and not (status = 9 and (reported > 0 or coalesce(payload ?| array['awaited', 'uncertain'], false)))
                       and not (status = 2 and coalesce(payload ? 'delivery', false)))
                     or lease_until is not null end
        """,
    ),
    (
        "I5",
        "as many enter a node as leave it or stand on it",
        f"""
        with {_EDGES}, kept as (
          select tenant_id, workflow_id, version, node_id, key, sum(n) as n from node_stats
          where not starts_with(key, '{PREFIX}') and not starts_with(key, '{OF_VARIANTS}') group by 1, 2, 3, 4, 5),
        started as (
          select tenant_id, workflow_id, version, node_id as id, sum(n) as n from (
            {sums_of_starts("runs")}
            union all
            select tenant_id, workflow_id, version, node_id, key, n from retired_stats where key = '{STARTED}') whole
          group by 1, 2, 3, 4),
        arrived as (
          select tenant_id, workflow_id, version, node_id, sum(n) as n from (
            select e.tenant_id, e.workflow_id, e.version, e.target as node_id, k.n from edges e join kept k
              on (k.tenant_id, k.workflow_id, k.version, k.node_id) = (e.tenant_id, e.workflow_id, e.version, e.source)
                and k.key = {port_key_sql("e.port")}
            where not exists (select from started t
              where (t.tenant_id, t.workflow_id, t.version, t.id) = (e.tenant_id, e.workflow_id, e.version, e.source))
            union all
            select e.tenant_id, e.workflow_id, e.version, e.target, t.n from edges e join started t
              on (t.tenant_id, t.workflow_id, t.version, t.id) = (e.tenant_id, e.workflow_id, e.version, e.source)) coming
          group by 1, 2, 3, 4),
        gone as (
          select tenant_id, workflow_id, version, node_id, sum(n) as n from kept where node_id <> ''
            and not exists (select from started t
              where (t.tenant_id, t.workflow_id, t.version, t.id) = (kept.tenant_id, kept.workflow_id, kept.version, kept.node_id))
          group by 1, 2, 3, 4)
        select workflow_id, 'version ' || version || ' ' || node_id || ': entered ' || coalesce(a.n, 0)
          || ', left or there ' || coalesce(g.n, 0)
        from arrived a full join gone g using (tenant_id, workflow_id, version, node_id) where coalesce(a.n, 0) <> coalesce(g.n, 0)
        """,
    ),
    (
        "I8",
        "a run's version exists and has the nodes of its steps",
        """
        select r.id, coalesce('version ' || r.workflow_version || ' has no node ' || s.node_id, 'no version ' || r.workflow_version)
        from runs r
        left join workflow_versions v
          on v.tenant_id = r.tenant_id and v.workflow_id = r.workflow_id and v.version = r.workflow_version
        left join lateral (select s.node_id from steps s where s.tenant_id = r.tenant_id and s.run_id = r.id and v.version is not null
          and not exists (select from jsonb_array_elements(v.graph->'nodes') n where n->>'id' = s.node_id) limit 1) s on true
        where v.version is null or s.node_id is not null
        """,
    ),
    ("I10", "the tags of a contact are its rows of contact_tags", UNLIKE),
    (
        "I10",
        "who started a workflow that asks for it is remembered",
        """
        select r.id, 'contact ' || r.contact_id || ', entry key ' || coalesce(r.entry_key, '') from runs r
        join workflows w on w.tenant_id = r.tenant_id and w.id = r.workflow_id and w.entries_complete
        join contacts c on c.tenant_id = r.tenant_id and c.id = r.contact_id
        where not exists (select from entries e
          where (e.tenant_id, e.contact_id, e.workflow_id, e.entry_key)
            = (r.tenant_id, r.contact_id, r.workflow_id, coalesce(r.entry_key, '')) and e.last_started >= r.started_at)
          and (r.trigger_id is null or r.trigger_id not like '%%.%%')
        """,
    ),
    (
        "I9",
        "a run, its contact and its workflow are of one workspace",
        """
        select r.id, 'run ' || r.tenant_id || ', contact ' || coalesce(c.tenant_id::text, '-')
          || ', workflow ' || coalesce(w.tenant_id::text, '-')
        from runs r left join contacts c on c.id = r.contact_id left join workflows w on w.id = r.workflow_id
        where c.tenant_id <> r.tenant_id or w.tenant_id is distinct from r.tenant_id
        """,
    ),
    (
        "I9",
        "a message and its run are of one workspace, contact and workflow",
        """
        select m.run_id, 'message ' || m.seq from messages m join runs r on r.id = m.run_id
        where (m.tenant_id, m.workflow_id, m.contact_id) is distinct from (r.tenant_id, r.workflow_id, r.contact_id)
        """,
    ),
    (
        "I9",
        "a call and its run are of one workspace and workflow",
        """
        select c.run_id, 'call ' || c.seq from calls c join runs r on r.id = c.run_id
        where (c.tenant_id, c.workflow_id) is distinct from (r.tenant_id, r.workflow_id)
        """,
    ),
    (
        "I9",
        "steps and failed attempts belong to a run of their workspace",
        """
        select run_id, 'step ' || seq from steps s
        where not exists (select from runs r where r.tenant_id = s.tenant_id and r.id = s.run_id)
        union all
        select run_id, 'attempt ' || attempt || ' of step ' || seq from step_attempts a
        where not exists (select from runs r where r.tenant_id = a.tenant_id and r.id = a.run_id)
        """,
    ),
    (
        "I9",
        "counters and refusals are in the workspace of their workflow",
        """
        select workflow_id, 'counters of ' || tenant_id from node_stats s
        where not exists (select from workflows w where w.id = s.workflow_id and w.tenant_id = s.tenant_id) group by 1, 2
        union all
        select workflow_id, 'refusal ' || id from entry_refusals f
        where not exists (select from workflows w where w.id = f.workflow_id and w.tenant_id = f.tenant_id)
        """,
    ),
)


# What is on its way out is counted among what was removed, and no longer one of the rows.
_STAYING = ", ".join(
    f"{table} as not materialized (select * from {table} t where not exists"
    f" (select from leaving_months l where l.kind = 'runs' and t.{column} >= l.first and t.{column} < l.until))"
    for table, column in (("runs", "id"), ("steps", "run_id"), ("step_attempts", "run_id"), ("messages", "run_id"))
)
_LEAVING = "select exists (select from leaving_months where kind = 'runs')"


def check(connection: psycopg.Connection[Any]) -> list[Breach]:
    """Everything that is broken, at most `SHOWN` a rule. Takes an autocommit connection; about 5 s a million runs."""
    return list(_breaches(connection))


_ALL = (
    *CHECKS,
    *counter_integrity.CHECKS,
    *entry_integrity.CHECKS,
    *segment_integrity.CHECKS,
    *sub_run_integrity.CHECKS,
)


def _breaches(connection: psycopg.Connection[Any]) -> Iterator[Breach]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local statement_timeout = 0")
        sending = [kind.type for kind in registry.types().values() if kind.sends is not None]
        leaving = connection.execute(_LEAVING).fetchone() == (True,)
        arguments = {"sending": sending, **ways_without_edge(connection)}
        for invariant, rule, sql in _ALL:
            for where, what in connection.execute(f"{_staying(sql) if leaving else sql} limit {SHOWN}", arguments):
                yield Breach(invariant, rule, f"{where} {what}")


def _staying(sql: str) -> str:
    """The check of what stays while a month is on its way out."""
    return f"with {_STAYING} select * from ({sql}) as checked"
