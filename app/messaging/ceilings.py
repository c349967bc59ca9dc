"""How many mails a workspace may send in an hour and in a day. What is above waits for the next hour and is not lost.

Mails are counted by the hour when they are taken up, in the transaction of the look that takes them, so that the count is there
when another worker looks. Two workers that look in the same instant may both use the last of the room: a ceiling may be passed by
one batch of each worker, once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from app.messaging.ledger import Connection
from app.settings import settings

log = structlog.get_logger()

_ROOM = """
select tenant_id, least(%(hour)s - coalesce(sum(c.n) filter (where c.hour = date_trunc('hour', clock_now())), 0),
    %(day)s - coalesce(sum(c.n), 0))::int,
  date_trunc('hour', clock_now()) + interval '1 hour'
from unnest(%(tenants)s::int[]) as v(tenant_id)
  left join lateral (
    select hour, n from mail_counts m where m.tenant_id = v.tenant_id and m.hour > clock_now() - interval '24 hours') c on true
group by tenant_id
"""
_COUNT = """
insert into mail_counts (tenant_id, hour, n)
select tenant_id, date_trunc('hour', clock_now()), n from unnest(%(tenants)s::int[], %(counts)s::int[]) as v(tenant_id, n)
order by tenant_id on conflict (tenant_id, hour) do update set n = mail_counts.n + excluded.n
"""


class CeilingCandidate(Protocol):
    """A due message as a look finds it; `put_off_to` is set when it has to wait."""

    tenant_id: int
    put_off_to: object


def put_off(connection: Connection, candidates: Sequence[CeilingCandidate]) -> None:
    """Of the due messages `seen`, in their order: those for which their workspace has no room have to wait for the next hour."""
    tenants = {row.tenant_id for row in candidates if not row.put_off_to}
    if not tenants:
        return
    limits = settings().ceilings
    arguments = {"tenants": sorted(tenants), "hour": limits.mails_an_hour, "day": limits.mails_a_day}
    room: dict[int, tuple[int, datetime]] = {
        row[0]: (row[1], row[2]) for row in connection.execute(_ROOM, arguments).fetchall()
    }
    claimed_counts: Counter[int] = Counter()
    for row in candidates:
        if row.put_off_to:
            continue
        room_left, until = room[row.tenant_id]
        claimed_counts[row.tenant_id] += 1
        if claimed_counts[row.tenant_id] > room_left:
            row.put_off_to = until
    for tenant_id, (room_left, _) in room.items():
        if claimed_counts[tenant_id] > room_left:
            log.warning("mail.ceiling_reached", tenant_id=tenant_id)


def count(connection: Connection, tenants: Iterable[int]) -> None:
    """Note a mail of each of these workspaces, which may come several times."""
    counts = Counter(tenants)
    if counts:
        connection.execute(_COUNT, {"tenants": list(counts), "counts": list(counts.values())})
