"""Who is in a segment: the one place that writes `segment_members`, static and dynamic, and all that follows from a move.

A move is a contact that enters or leaves a segment. What moves is written set-wise, by one statement for all that enter and one for all
that leave: the rows of members, the counts by day, an event `segment.member.added` or `segment.member.removed` for the timeline, and
the same for the engine's inbox. Who is in already does not enter, who is not in does not leave: then nothing is written and nothing
happens. So each event happens exactly once, with the membership, or not at all.

Who calls holds the contacts' locks (`lock`), as the engine does for all that it moves, and notifies `inbox.ENGINE` after the commit.
The functions are for a psycopg cursor; `SegmentMemberRepository` is the same for requests and jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app import inbox
from app.domain_events.outbox_repository import of_contacts_sql
from app.flow.segment_membership import ADDED, REMOVED, SegmentStanding
from app.inbox_lane import lane_of
from app.lib import shards
from app.lib.binary_fields import NULL, Int2s, Int8s, Uuids, int2, int4s, int8
from app.lib.database import execute
from app.lib.ids import uuid7_many
from app.models.segment import Segment, SegmentMember
from app.models.status import SegmentKind
from app.models.tenant_repository import TenantRepository

MOST_SEGMENTS = 500
"""Segments of a workspace."""


class Move(NamedTuple):
    """A contact enters or leaves. `segment` is the number. `workflow_id` and `depth` say which workflow caused it, as for other changes
    of contacts; `depth` None: the chain of causes is too long, nobody is told of it. `lane`: of the inbox, in which that waits."""

    tenant_id: int
    segment: int
    contact_id: UUID
    workflow_id: UUID | None = None
    depth: int | None = 0
    lane: int = 0


class StaticMove(NamedTuple):
    """A contact is put into a static segment, or taken out; `segment_id` is the segment's id. What is no static segment takes nobody."""

    tenant_id: int
    segment_id: UUID
    contact_id: UUID
    workflow_id: UUID | None = None
    depth: int | None = 0
    lane: int = 0


class SegmentDayCount(NamedTuple):
    """How many entered and left on a day of UTC."""

    day: date
    entered: int
    left: int


SILENT = """'{"silent": true}'::jsonb"""
"""What the timeline says besides of a move of which no workflow hears."""
_SENT = """
unnest(%(tenants)s::int[], %(segments)s::{kind}[], %(contacts)s::uuid[], %(events)s::uuid[], %(workflows)s::uuid[],
       %(depths)s::smallint[], %(lanes)s::bigint[]) as u(tenant_id, segment, contact_id, id, workflow_id, depth, lane)
"""
_BY_NUMBER = f"wanted as (select * from {_SENT.format(kind='int')})"  # noqa: S608  constants
_STATIC = f"""
wanted as (
  select u.tenant_id, s.number as segment, u.contact_id, u.id, u.workflow_id, u.depth, u.lane from {_SENT.format(kind="uuid")}
  join segments s on s.tenant_id = u.tenant_id and s.id = u.segment and s.kind = 'static')
"""  # noqa: S608  constants
_ENTERED = """
moved as (
  insert into segment_members (tenant_id, segment, contact_id, since)
  select w.tenant_id, w.segment, w.contact_id, (select clock_now()) from wanted w
  join segments s on s.tenant_id = w.tenant_id and s.number = w.segment and s.deleted_at is null
  join contacts c on c.tenant_id = w.tenant_id and c.id = w.contact_id
  order by 1, 2, 3 on conflict do nothing
  returning tenant_id, segment, contact_id)
"""
_LEFT = """
moved as (
  delete from segment_members m using wanted w
  where m.tenant_id = w.tenant_id and m.segment = w.segment and m.contact_id = w.contact_id
  returning m.tenant_id, m.segment, m.contact_id)
"""
_MOVES = "(select tenant_id, '{event}' as type, contact_id, properties as data, occurred_at, id as place from happened) as moves"


def _move_sql(wanted: str, moved: str, event: str, column: str) -> str:
    """Rules that ask for a static segment follow also those moves of which nobody is told; a dynamic one is judged with those that ask."""
    followed = f"followed as ({inbox.followed_sql('happened where depth is null')})," if wanted is _STATIC else ""
    return f"""
    with {wanted}, {moved},
    happened as (
      select w.id, m.tenant_id, m.contact_id, '{event}' as name, w.workflow_id, w.depth, w.lane,
        jsonb_build_object('segmentId', s.id, 'segmentName', s.name) as properties, (select clock_now()) as occurred_at
      from moved m join wanted w using (tenant_id, segment, contact_id)
      join segments s on s.tenant_id = m.tenant_id and s.number = m.segment),
    stored as (
      insert into events (id, tenant_id, contact_id, name, properties, occurred_at, received_at)
      select id, tenant_id, contact_id, name, properties || case when depth is null then {SILENT} else '{{}}' end, occurred_at, occurred_at
      from happened order by id),
    queued as ({inbox.events_sql("happened where depth is not null", caused=True, lane="lane")}),
    {followed}
    {of_contacts_sql(_MOVES.format(event=event))},
    counted as (
      insert into segment_days as d (tenant_id, segment, day, shard, "{column}")
      select tenant_id, segment, ((select clock_now()) at time zone 'UTC')::date, %(shard)s, count(*) from moved
      group by 1, 2 order by 1, 2
      on conflict (tenant_id, segment, day, shard) do update set "{column}" = d."{column}" + excluded."{column}")
    select tenant_id, segment, contact_id from moved
    """  # noqa: S608  constants


ENTER, ENTER_STATIC = (_move_sql(wanted, _ENTERED, ADDED, "entered") for wanted in (_BY_NUMBER, _STATIC))
LEAVE, LEAVE_STATIC = (_move_sql(wanted, _LEFT, REMOVED, "departed") for wanted in (_BY_NUMBER, _STATIC))
"""The statements of those that enter and of those that leave, with the parameters of `arguments`: of `Move`, and of `StaticMove`.
Each answers who really moved."""
LOCK = """
select id from contacts where tenant_id = %(tenant)s and id = any(%(contacts)s::uuid[]) order by id for no key update
"""


def arguments(moves: Iterable[Move | StaticMove], shard: int = shards.PEOPLE) -> dict[str, Any]:
    """Parameters of the statements. A contact that is there twice for one segment counts once."""
    ordered = list({move[:3]: move for move in moves}.values())
    return {
        "tenants": [move.tenant_id for move in ordered],
        "segments": [move[1] for move in ordered],
        "contacts": [move.contact_id for move in ordered],
        "events": [UUID(bytes=event_id) for event_id in uuid7_many(len(ordered))] if ordered else [],
        "workflows": [move.workflow_id for move in ordered],
        "depths": [move.depth for move in ordered],
        "lanes": [move.lane for move in ordered],
        "shard": shard,
    }


def move(
    cursor: psycopg.Cursor[Any], *, entering: Sequence[Move] = (), leaving: Sequence[Move] = (), shard: int = 0
) -> None:
    """Let contacts enter and leave segments of any kind, in a transaction that holds their locks."""
    for sql, moves in ((LEAVE, leaving), (ENTER, entering)):
        if moves:
            cursor.execute(sql, _encoded(moves, shard))


def _encoded(moves: Iterable[Move], shard: int) -> dict[str, Any]:
    """The same as `arguments`, as a connection takes them that knows `app.lib.binary_fields`."""
    ordered = list({move[:3]: move for move in moves}.values())
    return {
        "tenants": int4s(move.tenant_id for move in ordered),
        "segments": int4s(move.segment for move in ordered),
        "contacts": Uuids([move.contact_id.bytes for move in ordered]),
        "events": Uuids(uuid7_many(len(ordered))),
        "workflows": Uuids([move.workflow_id.bytes if move.workflow_id is not None else None for move in ordered]),
        "depths": Int2s([int2(move.depth) if move.depth is not None else NULL for move in ordered]),
        "lanes": Int8s([int8(move.lane) for move in ordered]),
        "shard": shard,
    }


def move_static(
    cursor: psycopg.Cursor[Any], *, entering: Sequence[StaticMove], leaving: Sequence[StaticMove], shard: int
) -> None:
    """The same for static segments, by their ids: what steps of workflows ask for."""
    for sql, moves in ((LEAVE_STATIC, leaving), (ENTER_STATIC, entering)):
        if moves:
            cursor.execute(sql, arguments(moves, shard))


class SegmentMemberRepository(TenantRepository[SegmentMember]):
    """Who is in the segments of a workspace."""

    model = SegmentMember

    async def enter(self, segment: int, contact_ids: Sequence[UUID]) -> list[UUID]:
        """Put contacts in; answers those who were not in before. Ids of nobody are left out."""
        return await self._move(ENTER, segment, contact_ids)

    async def leave(self, segment: int, contact_ids: Sequence[UUID]) -> list[UUID]:
        """Take contacts out; answers those who were in."""
        return await self._move(LEAVE, segment, contact_ids)

    async def enter_static(
        self, segment_id: UUID, contact_ids: Sequence[UUID], *, silently: bool = False
    ) -> list[UUID]:
        """The same by the id of a static segment; `silently`: no workflow hears of it. What is no static segment takes nobody."""
        return await self._write(ENTER_STATIC, self._static_moves(segment_id, contact_ids, silently))

    async def leave_static(
        self, segment_id: UUID, contact_ids: Sequence[UUID], *, silently: bool = False
    ) -> list[UUID]:
        """Take contacts out by the id of a static segment; answers those who were in. `silently` as of `enter_static`."""
        return await self._write(LEAVE_STATIC, self._static_moves(segment_id, contact_ids, silently))

    def _static_moves(self, segment_id: UUID, contact_ids: Sequence[UUID], silently: bool) -> list[StaticMove]:
        depth, lane = None if silently else 0, lane_of(self.session)
        return [StaticMove(self.tenant_id, segment_id, one, depth=depth, lane=lane) for one in contact_ids]

    async def _move(self, sql: str, segment: int, contact_ids: Sequence[UUID]) -> list[UUID]:
        lane = lane_of(self.session)
        return await self._write(sql, [Move(self.tenant_id, segment, one, lane=lane) for one in contact_ids])

    async def _write(self, sql: str, moves: Sequence[Move | StaticMove]) -> list[UUID]:
        if not moves:
            return []
        # A statement of its own: the next one sees what whoever held the contacts last has committed.
        await execute(self.session, LOCK, tenant=self.tenant_id, contacts=[move.contact_id for move in moves])
        rows = await execute(self.session, sql, **arguments(moves))
        if rows:
            inbox.notify_engine(self.session)
        return [row.contact_id for row in rows]

    async def standings(
        self, segment_ids: Collection[UUID], contact_ids: Collection[UUID]
    ) -> dict[UUID, dict[UUID, SegmentStanding]]:
        """Where contacts stand with these segments, of those that are there; by contact, then by segment. Nothing is asked about none."""
        if not segment_ids or not contact_ids:
            return {}
        rows = await execute(
            self.session,
            """select s.id, s.name, s.kind = 'static' or coalesce(b.ready, false),
                 array(select contact_id from segment_members m
                   where m.tenant_id = s.tenant_id and m.segment = s.number and m.contact_id = any(%(contacts)s::uuid[]))
               from segments s
               left join segment_builds b on b.tenant_id = s.tenant_id and b.number = s.number and b.dropped_at is null
               where s.tenant_id = %(tenant)s and s.id = any(%(segments)s::uuid[]) and s.deleted_at is null""",
            tenant=self.tenant_id,
            segments=list(segment_ids),
            contacts=list(contact_ids),
        )
        known = [(row[0], row[1], row[2], frozenset(row[3] if row[2] else ())) for row in rows]
        return {
            contact_id: {one: SegmentStanding(name, contact_id in inside, built) for one, name, built, inside in known}
            for contact_id in contact_ids
        }

    async def counts(self, segments: Sequence[int]) -> dict[int, int]:
        """How many are in each of these segments."""
        rows = await execute(
            self.session,
            """select segment, sum(entered - departed)::bigint from segment_days
               where tenant_id = %(tenant)s and segment = any(%(segments)s::int[]) group by 1""",
            tenant=self.tenant_id,
            segments=list(segments),
        )
        return dict.fromkeys(segments, 0) | {row[0]: row[1] for row in rows}

    async def days(self, segment: int, since: date) -> list[SegmentDayCount]:
        """The days from `since` on which somebody entered or left, oldest first."""
        rows = await execute(
            self.session,
            """select day, sum(entered)::bigint, sum(departed)::bigint from segment_days
               where tenant_id = %(tenant)s and segment = %(segment)s and day >= %(since)s group by 1 order by 1""",
            tenant=self.tenant_id,
            segment=segment,
            since=since,
        )
        return [SegmentDayCount(*row) for row in rows]

    async def of_contact(self, contact_id: UUID) -> Mapping[int, datetime]:
        """The numbers of the segments that a contact is in, and since when. One look-up a segment of the workspace."""
        rows = await execute(
            self.session,
            """select s.number, m.since from segments s
               cross join lateral (
                 select since from segment_members
                 where tenant_id = %(tenant)s and segment = s.number and contact_id = %(contact)s offset 0) m
               where s.tenant_id = %(tenant)s and s.deleted_at is null""",
            tenant=self.tenant_id,
            contact=contact_id,
        )
        return {row[0]: row[1] for row in rows}


class StaticSegments(TenantRepository[Segment]):
    """The static segments of a workspace: what contacts can be put into."""

    model = Segment

    async def by_name(self) -> Sequence[Segment]:
        static = (Segment.kind == SegmentKind.STATIC.value, Segment.deleted_at.is_(None))
        return await self.list(*static, order_by=[Segment.name])
