"""What must hold of dynamic segments after every fault, as checks of `app.engine.integrity`.

    S1 states are members    S2 facts are events    S5 whoever is built to the end is behind nothing
    S4 nobody's turn is long past    S6 counters are members    S7 nothing is left of who is gone

S3, that members are those whom the rule holds for, is a rule of each workspace and not one statement: `./dev test tests/engine -k dynamic`.
"""

from __future__ import annotations

_COUNTING = """
definitions as materialized (
  select d.tenant_id, d.number, d.event, d.keep from segment_fact_definitions d
  where d.conditions = '[]'
    and exists (select from segment_builds b where b.tenant_id = d.tenant_id and d.number = any(b.facts) and b.dropped_at is null)
    and not exists (
      select from segment_builds b where b.tenant_id = d.tenant_id and b.finished_at is null and b.dropped_at is null)),
counted as (
  select e.tenant_id, e.contact_id, d.number as fact, count(*) as n from definitions d
  join events e on e.tenant_id = d.tenant_id and e.name = d.event
  where e.contact_id is not null and not exists (select from inbox i where i.tenant_id = e.tenant_id and i.event_id = e.id)
    and not exists (select from dead_letters l where l.tenant_id = e.tenant_id and l.event_id = e.id)
  group by 1, 2, 3)
"""

CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "S1",
        "who is in a dynamic segment has it in its state, and the other way round",
        """
        with live as materialized (
          select b.tenant_id, b.number from segment_builds b join segments s on s.tenant_id = b.tenant_id
            and b.number in (s.number, s.next_number) where b.dropped_at is null and s.deleted_at is null),
        members as (select m.tenant_id, m.segment, m.contact_id from segment_members m join live on
          live.tenant_id = m.tenant_id and live.number = m.segment),
        states as (select t.tenant_id, u.segment, t.contact_id from segment_state t cross join unnest(t.segments) as u(segment)
          join live on live.tenant_id = t.tenant_id and live.number = u.segment)
        select contact_id, 'in ' || segment || ' by its members alone' from (select * from members except select * from states) m
        union all
        select contact_id, 'in ' || segment || ' by its state alone' from (select * from states except select * from members) s
        """,
    ),
    (
        "S2",
        "what is counted of a contact are the events that were handled, of which none has left",
        f"""
        with {_COUNTING}
        select c.contact_id, 'fact ' || c.fact || ': ' || c.n || ' events, ' || coalesce(f.n, 0) || ' counted' from counted c
        left join segment_facts f on f.tenant_id = c.tenant_id and f.contact_id = c.contact_id and f.fact = c.fact
        where coalesce(f.n, 0) < c.n
        """,
    ),
    (
        "S4",
        "whose membership time may change is looked at in time",
        """
        select contact_id, 'since ' || next_at from segment_state where next_at < clock_now() - interval '1 hour'
        """,
    ),
    (
        "S5",
        "when a version is built to the end nobody who was there is behind it",
        """
        select c.id, 'behind ' || b.number from segment_builds b
        join contacts c on c.tenant_id = b.tenant_id and c.created_at < b.started_at
        left join segment_state t on t.tenant_id = c.tenant_id and t.contact_id = c.id
        where b.finished_at is not null and b.dropped_at is null and coalesce(t.built, 0) < b.epoch
        """,
    ),
    (
        "S6",
        "the counters of a segment are its members",
        """
        select s.id, 'version ' || v.number || ': ' || coalesce(d.n, 0) || ' counted, ' || coalesce(m.n, 0) || ' members'
        from segments s cross join lateral (values (s.number), (s.next_number)) as v(number)
        left join lateral (select count(*) as n from segment_members m where m.tenant_id = s.tenant_id and m.segment = v.number) m on true
        left join lateral (
          select sum(entered - departed) as n from segment_days d where d.tenant_id = s.tenant_id and d.segment = v.number) d on true
        where v.number is not null and s.deleted_at is null and coalesce(d.n, 0) <> coalesce(m.n, 0)
        """,
    ),
    (
        "S7",
        "nothing is left of a contact that is gone",
        """
        select contact_id, 'in ' || place from (
          select tenant_id, contact_id, 'segment_state' as place from segment_state
          union all select distinct tenant_id, contact_id, 'segment_facts' from segment_facts
          union all select distinct tenant_id, contact_id, 'segment_members' from segment_members) p
        where not exists (select from contacts c where c.tenant_id = p.tenant_id and c.id = p.contact_id)
        """,
    ),
)
