"""The SQL of chains of connectors: who carries what is due through one, and what may leave when one works again."""

from __future__ import annotations

CARRIER = """
left join connectors e on e.tenant_id = d.tenant_id and e.id = d.stand_in_id and d.state <> 'ok'
left join lateral (
  select k.* from (values (0, d.id), (1, e.id), (2, e.stand_in_id)) as c(place, id)
    join connectors k on k.tenant_id = d.tenant_id and k.id = c.id
  order by k.state <> 'ok', c.place limit 1) v on true
"""
"""Behind `connectors d`: `v` is the first of its chain that works; where none does, it is `d` itself."""

STANDS_IN_FOR = """
(d.stand_in_id = k.id or exists (
  select from connectors e where e.tenant_id = d.tenant_id and e.id = d.stand_in_id and e.state <> 'ok' and e.stand_in_id = k.id))
"""
"""Would `connectors k` be asked when `connectors d`, and whoever comes before `k`, do not work?"""

HOLDERS = """
select d.id from connectors d left join connectors e on e.tenant_id = %(tenant)s and e.id = d.stand_in_id
where d.tenant_id = %(tenant)s and d.state <> 'ok' and (d.stand_in_id = %(id)s or e.stand_in_id = %(id)s)
"""
"""The connectors that do not work and for which `id` may stand in: what they hold may leave when `id` works."""
