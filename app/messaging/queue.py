"""What is due, in its order: the set-based SQL that chooses messages to send, puts off those that wait for another, and holds and frees.

The queue has in each workspace and channel a lane for each connector that messages name, and one for those that name none. A look
takes from each lane what its server has room for, so that nobody's backlog stands before anybody else's mail, and costs index probes
for each lane and each row that it takes, however many wait. What a paused connector or workflow or a server that is away keeps from
leaving is held outside the index of the lanes (`due_at` is null), a set at a time, and freed like that. In a lane urgent, normal and
bulk messages take turns (`app.turns`), so that a campaign does not stand before what people wait for.

Messages of one run leave in step order; of one contact per channel in the order in which they were queued. A message is blocked by the
first earlier one that is queued, claimed or being sent. One of another run does not block when its priority is lower, it is held, it
waits for a server that this one does not need, or is tried again only in more than `PASS_OVER_S`. A blocked row is moved in its lane
behind what it waits for, so that it is met once for each try of that, not once a second. The first that waits is made due when the one
before it is over (`next_turn`); the times written here only bound what happens when that is missed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from app.connectors.stand_in_repository import CARRIER, STANDS_IN_FOR
from app.messaging import ceilings
from app.messaging.channels import registry
from app.messaging.device_repository import DEVICES, device_channels
from app.messaging.holds import Cause, hold
from app.messaging.lanes import LANE, WAITING, LaneKey
from app.messaging.ledger import CLAIM_S, RUN_STATUS, Connection, DueMessage, Place
from app.models.status import Priority
from app.turns import REMEMBERED, Claimant, RoundRobin

WINDOW = 20
"""How many rows more than there is room for are looked at in a lane, so that blocked ones do not cost a look each."""
PASS_OVER_S = 300
"""An earlier message of another run that is tried again later than this keeps nobody waiting."""
WAITS = "waits_turn"
FOLLOW = "follow_priorities"
"""The actor that lets queued messages follow a new priority of their workflow."""
FOLLOWING = 5_000
"""Queued messages that one statement gives the priority that their workflow has now."""


_OF_LANE = f"m.tenant_id = l.tenant_id and m.channel = l.channel and {LANE} = l.lane and m.priority = l.priority"
_PLACE = f"m.tenant_id, m.channel, {LANE}, m.priority"
_LANES = f"""
with recursive lanes (tenant_id, channel, lane, priority) as (
  (select {_PLACE} from messages m where {WAITING} order by {_PLACE} limit 1)
  union all
  select n.* from lanes l cross join lateral (
    select {_PLACE} from messages m where {WAITING} and ({_PLACE}) > (l.tenant_id, l.channel, l.lane, l.priority)
    order by {_PLACE} limit 1) n)
"""  # noqa: S608  constants, as below: each priority of a lane by one index probe

_FIRST = f"""
(select m.due_at from messages m where {WAITING} and {_OF_LANE} order by m.due_at limit 1)
"""  # noqa: S608

OLDEST_DUE = f"{_LANES} select min({_FIRST}) from lanes l"  # noqa: S608
"""When the first of the messages that wait to be sent is or was due."""

NEXT_DUE = f"""
{_LANES} select min((select m.due_at from messages m where {WAITING} and {_OF_LANE}
  and m.due_at > clock_now() order by m.due_at limit 1)) from lanes l where l.channel = any(%(channels)s::int[])
"""  # noqa: S608
"""When the next message will be due that is not yet. With `installed_channels`, as `IS_DUE`."""

IS_DUE = f"""
exists (select from messages where due_at <= clock_now() and status = 9)
  or exists (select from messages where due_at <= clock_now() and status = 2)
  or exists (select from messages where lease_until < now())
  or exists (select from connectors where state = 'away' and probe_at <= clock_now()
    and channel = any(%(channels)s::int[]))
  or coalesce(({OLDEST_DUE} where l.channel = any(%(channels)s::int[])) <= clock_now(), false)
"""  # noqa: S608
"""Is there something to do: a message to send, an uncertain one to decide about, one of a worker that is gone, a server to try again?

With `installed_channels`: messages of others wait until their channel is back, and nobody is woken for them."""

NEXT_DECISION_DUE = """
select least((select min(due_at) from messages where due_at > clock_now() and status = 9),
  (select min(due_at) from messages where due_at > clock_now() and status = 2))
"""
"""When the next uncertain message will be decided about, or the next run waits no longer for a delivery. An index each."""

_DUE_LANES = f"""
{_LANES}
select l.tenant_id, l.channel, l.lane, v.id, v.server, v.state, v.room, v.state = 'away' and v.probe_at <= clock_now() as probe,
  l.priorities, d.id as first, d.state as first_state, d.stand_in_id is not null as has_stand_in, true as is_due, true as waits
from (
  select l.tenant_id, l.channel, l.lane, array_agg(l.priority::int) as priorities from lanes l
  where l.channel = any(%(channels)s::int[]) and {_FIRST} <= clock_now() group by 1, 2, 3) l
left join connectors d on d.tenant_id = l.tenant_id and d.channel = l.channel
  and case when l.lane = '' then d.is_default else d.id::text = l.lane end
{CARRIER}
union all
select d.tenant_id, d.channel, case when d.is_default then '' else d.id::text end, k.id, k.server, k.state, k.room, true,
  array[{", ".join(str(int(one)) for one in Priority)}], d.id, d.state, d.stand_in_id is not null, false,
  coalesce((select true from messages m where m.tenant_id = d.tenant_id and m.connector_id = d.id and m.status = 0 and m.due_at is null
    order by m.created_at limit 1), false)
from connectors k join connectors d on d.tenant_id = k.tenant_id and d.channel = k.channel
  and (d.id = k.id or (d.state <> 'ok' and {STANDS_IN_FOR}))
where k.probe_at <= clock_now() and k.state = 'away' and k.channel = any(%(channels)s::int[])
"""  # noqa: S608

_LOOK = f"""
with lane as materialized (
  select * from unnest(%(tenant)s::int[], %(channel)s::int[], %(lane)s::text[], %(priority)s::int[], %(count)s::int[], %(via)s::uuid[])
    as l(tenant_id, channel, lane, priority, n, via)),
due as materialized (
  select l.lane, l.via, d.* from lane l cross join lateral (
    select m.run_id, m.seq, m.tenant_id, m.contact_id, m.channel, m.workflow_id, m.priority, m.created_at, m.due_at from messages m
    where {WAITING} and {_OF_LANE} and m.due_at <= clock_now()
    order by m.due_at limit l.n for update skip locked) d)
select m.run_id, m.seq, m.tenant_id, m.channel, m.lane as connector, m.workflow_id, m.priority,
  coalesce(w.status = 'paused', false) as paused,
  case when before.status = 1 or before.lease_until is not null then clock_now() + interval '5 seconds'
       when before.status = 0 and before.due_at is null and before.reason in ('server_away', 'no_stand_in') and before.connector_id = m.via
         then clock_now() + interval '1 second'
       when before.status = 0 and before.due_at is null then clock_now() + interval '1 hour'
       when before.status = 0 and before.due_at <= clock_now() and before.due_at < m.due_at then clock_now() + interval '1 second'
       when before.status = 0 then before.due_at + interval '1 millisecond' end as put_off_to
from due m left join workflows w on w.tenant_id = m.tenant_id and w.id = m.workflow_id
  left join lateral (
    (select e.status, e.due_at, e.lease_until, e.reason, e.connector_id from messages e
     where e.tenant_id = m.tenant_id and e.run_id = m.run_id and e.seq < m.seq and e.status in (0, 1) order by e.seq limit 1)
    union all
    (select e.status, e.due_at, e.lease_until, e.reason, e.connector_id from messages e
     where e.tenant_id = m.tenant_id and e.contact_id = m.contact_id and e.channel = m.channel and e.status in (0, 1)
       and e.run_id <> m.run_id and e.priority <= m.priority
       and (e.created_at, e.run_id, e.seq) < (m.created_at, m.run_id, m.seq)
       and (e.status = 1 or e.lease_until is not null
         or (e.due_at is null and e.reason in ('server_away', 'no_stand_in') and e.connector_id = m.via)
         or (e.due_at <= clock_now() + %(pass_over)s * interval '1 second'
           and (e.reason is distinct from 'server_away' or e.connector_id = m.via)))
     order by e.created_at, e.run_id, e.seq limit 1)
    limit 1) before on true
order by m.due_at, m.created_at, m.run_id, m.seq
"""  # noqa: S608

_PUT_OFF = """
update messages m set due_at = v.until, reason = %(waits)s
from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[], %(until)s::timestamptz[]) as v(tenant_id, run_id, seq, until)
where m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq
"""

# The claim: nobody else takes them until it is over, and then they are as they were. Their place in the queue stays.
_CLAIM = f"""
with taken as (
  update messages m set lease_until = now() + %(lease)s * interval '1 second', fence = m.fence + 1
  from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[]) with ordinality as v(tenant_id, run_id, seq, place)
  where m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq returning m.*, v.place)
select m.run_id, m.seq, m.tenant_id, m.workflow_id, m.contact_id, m.channel, m.template_id, m.payload, m.attempt, m.fence,
  greatest(m.created_at, m.resent_at) as created_at, case when m.attempt > 0 then m.first_tried_at end as first_tried_at,
  case when w.deleted_at is null then w.status end as workflow_status, {RUN_STATUS} as run_status, r.trigger_event, r.context,
  case when c.id is not null then jsonb_build_object('id', c.id, 'external_id', c.external_id, 'email', c.email,
    'phone', c.phone, 'source', c.source, 'attributes', c.attributes, 'tags', c.tags, 'consent', c.consent, 'timezone', c.timezone,
    'locale', c.locale, 'created_at', c.created_at, 'consent', c.consent, 'devices', case when m.channel = any(%(to_devices)s::int[]) then
      {DEVICES} end) end as contact,
  (select timezone from workspaces where id = m.tenant_id) as timezone
from taken m left join workflows w on w.tenant_id = m.tenant_id and w.id = m.workflow_id
  left join runs r on r.tenant_id = m.tenant_id and r.id = m.run_id
  left join contacts c on c.tenant_id = m.tenant_id and c.id = m.contact_id
order by m.place
"""  # noqa: S608  a fixed expression

_FOLLOW_PRIORITIES = f"""
with behind as (
  select m.tenant_id, m.run_id, m.seq, f.priority from messages m join workflows f on f.tenant_id = m.tenant_id and f.id = m.workflow_id
  where m.status = 0 and m.lease_until is null and m.priority <> f.priority limit {FOLLOWING} for update of m skip locked)
update messages m set priority = b.priority from behind b where m.tenant_id = b.tenant_id and m.run_id = b.run_id and m.seq = b.seq
"""  # noqa: S608

# Skips what is locked: somebody looks at it just now, and may wait for a connector that this transaction has changed.
_NEXT_TURN = """
update messages m set due_at = clock_now() where (m.tenant_id, m.run_id, m.seq) in (
  select n.tenant_id, n.run_id, n.seq
  from (select distinct * from unnest(%(tenant)s::int[], %(contact)s::uuid[], %(channel)s::int[])) as v(tenant_id, contact_id, channel)
    join lateral (
      select tenant_id, run_id, seq from messages e
      where e.tenant_id = v.tenant_id and e.contact_id = v.contact_id and e.channel = v.channel and e.status = 0 and e.reason = %(waits)s
      order by e.created_at, e.run_id, e.seq limit 1 for update skip locked) n on true)
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """Messages of one workspace that name one connector, or none, and by which they leave. `id` is None when there is no such connector.

    `id`, `server`, `state`, `room`: of the one by which they leave now, which is `first`, theirs, or one that stands in for it.
    """

    tenant_id: int
    channel: int
    lane: str
    id: UUID | None
    server: str | None
    state: str | None
    room: int | None
    probe: bool | None
    """The server is away and it is time that one mail tries it."""
    priorities: list[int] = field(compare=False)
    """Of what may be due in it."""
    first: UUID | None = field(compare=False)
    first_state: str | None = field(compare=False)
    has_stand_in: bool | None = field(compare=False)
    is_due: bool = field(compare=False)
    waits: bool = field(compare=False)
    """Something is due in it, or held for `first`."""

    @property
    def key(self) -> LaneKey:
        """Which lane it is."""
        return self.tenant_id, self.channel, self.lane

    @property
    def is_taken_over(self) -> bool:
        """Would its messages leave by a stand-in?"""
        return self.id != self.first

    @property
    def share(self) -> tuple[int, str]:
        """Lanes with the same one share a server."""
        return self.tenant_id, self.server or ""

    @property
    def cause(self) -> Cause | None:
        """Why nothing of this lane may leave."""
        if self.id is None:
            return None if self.lane else Cause("no_connector", self.key)
        if self.state == "ok":
            return None
        return Cause("connector_paused" if self.first_state == "paused" else "server_away", self.key, self.first)


@dataclass(slots=True)
class QueuedItem:
    """A due message as a look finds it. `put_off_to`: it has to wait for another until then at least."""

    run_id: UUID
    seq: int
    tenant_id: int
    channel: int
    connector: str
    workflow_id: UUID
    priority: int
    paused: bool
    put_off_to: object

    @property
    def lane(self) -> LaneKey:
        """The lane of the queue that it was found in."""
        return self.tenant_id, self.channel, self.connector


class LaneTurns:
    """Which priority's turn it is in each lane: one pass's, which remembers it from look to look."""

    def __init__(self) -> None:
        self._of_lane: OrderedDict[LaneKey, RoundRobin] = OrderedDict()

    def choose(self, rows: Sequence[QueuedItem], quotas: Mapping[Lane, int]) -> list[QueuedItem]:
        """As many of these as the lanes have room for, in each priority those first that stand first. What one leaves, others get."""
        supply: dict[LaneKey, dict[Claimant, list[QueuedItem]]] = {}
        for row in rows:
            claimant = Claimant(row.tenant_id, None, Priority(row.priority))
            supply.setdefault(row.lane, {}).setdefault(claimant, []).append(row)
        chosen = list[QueuedItem]()
        for lane, count in quotas.items():
            if lane.key in supply:
                turns = self._of_lane.pop(lane.key) if lane.key in self._of_lane else RoundRobin()
                self._of_lane[lane.key] = turns
                chosen += turns.share_out(supply[lane.key], count)
        while len(self._of_lane) > REMEMBERED:
            self._of_lane.popitem(last=False)
        return chosen


@dataclass(slots=True)
class QueueScan:
    """What a look found: messages, claimed, and how many rows were moved on so that another look finds others."""

    due: list[DueMessage]
    moved: int


def installed_channels() -> dict[str, list[int]]:
    """The parameters of `IS_DUE` and `NEXT_DUE`: the channels of this process."""
    return {"channels": [cls.number for cls in registry.channels()]}


def lanes(connection: Connection) -> list[Lane]:
    """The lanes in which something is due, and those whose server is to be tried; of channels that are installed."""
    with connection.cursor(row_factory=class_row(Lane)) as cursor:
        rows = cursor.execute(_DUE_LANES, installed_channels()).fetchall()
    chosen = {lane.key: lane for lane in rows if lane.is_due}
    probing = dict[UUID | None, list[Lane]]()
    for lane in rows:
        if not lane.is_due:
            probing.setdefault(lane.id, []).append(lane)
    # Whoever is away is tried by a message of its own, if one waits, else by one that it would stand in for.
    tried = [
        min(some, key=lambda one: (not (one.waits or one.key in chosen), one.is_taken_over))
        for some in probing.values()
    ]
    for lane in sorted(tried, key=lambda one: one.is_taken_over, reverse=True):
        chosen[lane.key] = lane
    return list(chosen.values())


def look(connection: Connection, lane_quotas: Mapping[Lane, int], turns: LaneTurns) -> QueueScan:
    """Claim up to so many messages of each lane whose turn it is, urgent, normal and bulk ones by their parts. In a transaction."""
    places = [(lane, priority, count) for lane, count in lane_quotas.items() for priority in lane.priorities]
    parameters = {
        "tenant": [lane.tenant_id for lane, *_ in places],
        "channel": [lane.channel for lane, *_ in places],
        "lane": [lane.lane for lane, *_ in places],
        "priority": [priority for _, priority, _ in places],
        "count": [count + WINDOW for *_, count in places],
        "via": [lane.id for lane, *_ in places],
        "pass_over": PASS_OVER_S,
    }
    with connection.cursor(row_factory=class_row(QueuedItem)) as cursor:
        queued_items = cursor.execute(_LOOK, parameters).fetchall()
    ceilings.put_off(connection, [row for row in queued_items if not row.paused])
    moved = 0
    for cause in {Cause("workflow_paused", row.lane, row.workflow_id) for row in queued_items if row.paused}:
        moved += hold(connection, cause)
    moved += _put_off(connection, [row for row in queued_items if row.put_off_to and not row.paused])
    to_claim = turns.choose([row for row in queued_items if not (row.paused or row.put_off_to)], lane_quotas)
    ceilings.count(connection, [row.tenant_id for row in to_claim])
    return QueueScan(_claim(connection, to_claim), moved)


def _put_off(connection: Connection, rows: Sequence[QueuedItem]) -> int:
    if rows:
        connection.execute(
            _PUT_OFF,
            {
                "waits": WAITS,
                **_keys(rows),
                "until": [row.put_off_to for row in rows],
            },
        )
    return len(rows)


def _claim(connection: Connection, rows: Sequence[QueuedItem]) -> list[DueMessage]:
    if not rows:
        return []
    with connection.cursor(row_factory=class_row(DueMessage)) as cursor:
        return cursor.execute(_CLAIM, {**_keys(rows), "lease": CLAIM_S, "to_devices": device_channels()}).fetchall()


def _keys(rows: Sequence[QueuedItem]) -> dict[str, Any]:
    return {
        "tenant": [row.tenant_id for row in rows],
        "run": [row.run_id for row in rows],
        "seq": [row.seq for row in rows],
    }


def follow_priorities(connection: Connection) -> int:
    """Give queued messages the priority that their workflow has by now, some of them; how many."""
    return connection.execute(_FOLLOW_PRIORITIES).rowcount


def next_turn(connection: Connection, finished_places: Sequence[Place]) -> int:
    """Messages at these places are over: whoever waits first for them is due now. Returns how many that were."""
    if not finished_places:
        return 0
    tenants, contacts, channels = zip(*finished_places, strict=True)
    wanted = {"tenant": list(tenants), "contact": list(contacts), "channel": list(channels), "waits": WAITS}
    return connection.execute(_NEXT_TURN, wanted).rowcount
