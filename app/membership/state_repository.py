"""Where contacts stand with the segments of a workspace, read and written for many at once by whoever holds their locks.

Ids of contacts are 16 bytes, instants microseconds since 2000. All is of one workspace and in the caller's transaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.flow.rule_sql import SqlRule
from app.flow.segment_judge import Sum
from app.flow.segment_rules import Fact, segment_rule
from app.lib.binary_fields import Stamps, Tids, Uuids, instant, int4s, int8s, stamp
from app.membership.book import Book, CountedFact, RuleVersion
from app.membership.rule_repository import MICROS, recount_sql
from app.models.status import RunStatus

Cursor = psycopg.Cursor[Any]


class State(NamedTuple):
    """Where a contact stands. `built`: the epoch up to which versions were built for it."""

    built: int
    segments: frozenset[int]
    next_at: int | None


class StoredSum(NamedTuple):
    """What is stored of a fact, and where: the place is good as long as the contact is held."""

    sum: Sum
    place: bytes


_VERSIONS = """
select s.id, s.number = v.number and b.ready as counts, v.number, v.rule, b.epoch, b.facts
from segments s cross join lateral (values (s.number, s.rule), (s.next_number, s.next_rule)) as v(number, rule)
join segment_builds b on b.tenant_id = s.tenant_id and b.number = v.number and b.dropped_at is null
where s.tenant_id = %(tenant)s and s.kind = 'dynamic' and s.deleted_at is null and v.rule is not null
order by v.number
"""
_NUMBERS = "select id, number from segments where tenant_id = %(tenant)s and deleted_at is null"
_DEFINITIONS = """
select number, event, conditions, match, keep, epoch from segment_fact_definitions where tenant_id = %(tenant)s order by number
"""
_BUILDING = """
select coalesce(max(epoch), 0), (select timezone from workspaces where id = %(tenant)s)
from segment_builds where tenant_id = %(tenant)s and finished_at is null and dropped_at is null
"""


def load_book(connection: psycopg.Connection[Any], tenant_id: int) -> Book | None:
    """What there is to keep up to date in a workspace; None when it has no dynamic segments."""
    tenant = {"tenant": tenant_id}
    versions, used = list[RuleVersion](), set[int]()
    for segment_id, counts, number, rule, epoch, facts in connection.execute(_VERSIONS, tenant).fetchall():
        versions.append(RuleVersion(number, segment_id, segment_rule(rule), not counts, epoch))
        used.update(facts)
    if not versions:
        return None
    definitions = [
        CountedFact(number, Fact(event, conditions, match, keep), epoch)
        for number, event, conditions, match, keep, epoch in connection.execute(_DEFINITIONS, tenant).fetchall()
    ]
    numbers = dict(connection.execute(_NUMBERS, tenant).fetchall())
    (building, timezone) = connection.execute(_BUILDING, tenant).fetchone() or (0, None)
    in_use = [one for one in definitions if one.number in used]
    return Book(versions, in_use, numbers, timezone=timezone, building=building)


_STATES = f"""
select uuid_send(contact_id), built, segments, {MICROS.format("next_at")} from segment_state
where tenant_id = %(tenant)s and contact_id = any(%(contacts)s)
"""  # noqa: S608  constants
# `offset 0`: each by the key. The planner reads the whole table where it is small (15 ms for 900 of 37,000 rows).
PAIRS = """
select uuid_send(f.contact_id), f.fact, f.n, f.first_at, f.recent, f.ctid
from unnest(%(contacts)s::uuid[], %(facts)s::int[]) as u(contact_id, fact)
cross join lateral (select ctid, * from segment_facts
  where tenant_id = %(tenant)s and contact_id = u.contact_id and fact = u.fact offset 0) f
"""
_FACTS_SENT = """
unnest(%(contacts)s::uuid[], %(facts)s::int[], %(n)s::int[], %(first)s::bigint[], %(sizes)s::int[], %(ends)s::int[]{more})
  as u(c, f, n, a, k, z{name})
"""
_NEWEST = "(%(recent)s::bigint[])[u.z - u.k + 1 : u.z]"
_NEW_FACTS = f"""
insert into segment_facts (tenant_id, contact_id, fact, n, first_at, recent)
select %(tenant)s, c, f, n, a, {_NEWEST} from {_FACTS_SENT.format(more="", name="")}
order by 2, 3
on conflict (tenant_id, contact_id, fact) do update set n = excluded.n, first_at = excluded.first_at, recent = excluded.recent
"""  # noqa: S608  constants
# Where they were read: a second way down the key takes as long as the update itself among many (6.2 us instead of 3.6). A row that was
# unused and went meanwhile may have left its place to another: so its key is compared, in a way that is no reason to look it up.
KNOWN_FACTS = f"""
update segment_facts t set n = u.n, first_at = u.a, recent = {_NEWEST}
from {_FACTS_SENT.format(more=", %(places)s::tid[]", name=", place")}
where t.ctid = u.place and t.tenant_id = %(tenant)s and t.contact_id is not distinct from u.c
  and t.fact is not distinct from u.f
"""  # noqa: S608  constants
_STATIC = """
select uuid_send(m.contact_id), m.segment from unnest(%(numbers)s::int[]) as u(segment)
join segment_members m on m.tenant_id = %(tenant)s and m.segment = u.segment and m.contact_id = any(%(contacts)s)
"""
_WORKFLOWS = f"""
select uuid_send(contact_id), workflow_id, bool_or(status < {RunStatus.COMPLETED:d}),
  bool_or(status in ({RunStatus.COMPLETED:d}, {RunStatus.GOAL_REACHED:d}))
from runs where tenant_id = %(tenant)s and contact_id = any(%(contacts)s) and workflow_id = any(%(workflows)s) group by 1, 2
"""  # noqa: S608  constants
_RECOUNT = """
insert into segment_facts (tenant_id, contact_id, fact, n, first_at, recent)
select %(tenant)s, x.contact_id, x.fact, x.n, x.first_at, x.recent from ({}) x
"""


class StateRepository:
    """Rows of one workspace."""

    def __init__(self, cursor: Cursor, tenant_id: int) -> None:
        self._cursor, self._tenant_id = cursor, tenant_id

    def _of(self, sql: str, contacts: Iterable[bytes], **more: Any) -> list[tuple[Any, ...]]:
        return self._cursor.execute(
            sql, {"tenant": self._tenant_id, "contacts": Uuids(list(contacts)), **more}
        ).fetchall()

    def states(self, contacts: Iterable[bytes]) -> dict[bytes, State]:
        """Those who have one."""
        rows = self._of(_STATES, contacts)
        return {contact: State(built, frozenset(segments), next_at) for contact, built, segments, next_at in rows}

    def pairs(self, pairs: Collection[tuple[bytes, int]]) -> dict[tuple[bytes, int], StoredSum]:
        """Certain facts of certain contacts; nothing is asked about none."""
        if not pairs:
            return {}
        numbers = int4s(fact for _, fact in pairs)
        rows = self._of(PAIRS, [contact for contact, _ in pairs], facts=numbers)
        return {(contact, fact): StoredSum(Sum(n, first, recent), at) for contact, fact, n, first, recent, at in rows}

    def static(self, contacts: Iterable[bytes], numbers: Sequence[int]) -> dict[bytes, set[int]]:
        """Which of these static segments contacts are in."""
        members: dict[bytes, set[int]] = {}
        for contact, number in self._of(_STATIC, contacts, numbers=list(numbers)):
            members.setdefault(contact, set()).add(number)
        return members

    def workflows(self, contacts: Iterable[bytes], workflows: Sequence[UUID]) -> dict[bytes, dict[UUID, set[str]]]:
        """Where contacts stand with these workflows: `in`, `finished`, `entered`."""
        standing: dict[bytes, dict[UUID, set[str]]] = {}
        for contact, workflow, is_in, finished in self._of(_WORKFLOWS, contacts, workflows=list(workflows)):
            states = {"entered"} | ({"in"} if is_in else set()) | ({"finished"} if finished else set())
            standing.setdefault(contact, {})[workflow] = states
        return standing

    def recount(self, contacts: Sequence[bytes], facts: Sequence[CountedFact], book: Book) -> None:
        """Count these facts anew from the stored events, without those that wait in the inbox: they are counted when they are handled."""
        numbers = [one.number for one in facts]
        self._cursor.execute(
            "delete from segment_facts where tenant_id = %(tenant)s and contact_id = any(%(contacts)s) and fact = any(%(facts)s)",
            {"tenant": self._tenant_id, "contacts": Uuids(contacts), "facts": numbers},
        )
        values = SqlRule(instant(0), book.timezone)
        counted = recount_sql({one.number: one.fact for one in facts}, values)
        self._cursor.execute(
            _RECOUNT.format(counted),
            {"tenant": self._tenant_id, "contacts": Uuids(contacts), **values.parameters},
        )

    def put_facts(self, facts: Mapping[tuple[bytes, int], Sum], places: Mapping[tuple[bytes, int], bytes]) -> None:
        """Write what was counted; `places`: where those are stored that `pairs` has read."""
        known = [pair for pair in facts if pair in places]
        if known:
            where = Tids([places[pair] for pair in known])
            self._cursor.execute(KNOWN_FACTS, self._sent(known, [facts[pair] for pair in known]) | {"places": where})
        if len(known) < len(facts):
            new = [pair for pair in facts if pair not in places]
            self._cursor.execute(_NEW_FACTS, self._sent(new, [facts[pair] for pair in new]))

    def _sent(self, pairs: Sequence[tuple[bytes, int]], counted: Sequence[Sum]) -> dict[str, Any]:
        contacts, numbers = zip(*pairs, strict=True)
        n, first, recent = zip(*counted, strict=True)
        return {
            "tenant": self._tenant_id,
            "contacts": Uuids(contacts),
            "facts": int4s(numbers),
            "n": int4s(n),
            "first": int8s(first),
            "recent": int8s(itertools.chain.from_iterable(recent)),
            **_pieces(map(len, recent)),
        }

    def put_states(self, states: Mapping[bytes, State]) -> None:
        if states:
            self._cursor.execute(
                """insert into segment_state (tenant_id, contact_id, built, segments, next_at)
                select %(tenant)s, c, b, (%(segments)s::int[])[z - k + 1 : z], n from
                  unnest(%(contacts)s::uuid[], %(built)s::bigint[], %(sizes)s::int[], %(ends)s::int[], %(next)s::timestamptz[])
                    as u(c, b, k, z, n)
                order by 2
                on conflict (tenant_id, contact_id) do update set
                  built = greatest(segment_state.built, excluded.built), segments = excluded.segments, next_at = excluded.next_at""",
                {
                    "tenant": self._tenant_id,
                    "contacts": Uuids(list(states)),
                    "built": int8s(state.built for state in states.values()),
                    "next": Stamps([stamp(state.next_at) for state in states.values()]),
                    "segments": int4s(number for state in states.values() for number in sorted(state.segments)),
                    **_pieces(len(state.segments) for state in states.values()),
                },
            )

    def move_silently(
        self, entering: Sequence[tuple[int, bytes]], leaving: Sequence[tuple[int, bytes]], shard: int
    ) -> None:
        """Move contacts in and out of versions that do not count yet: counted by day, told to nobody."""
        for sql, moves in ((_SILENT_LEAVE, leaving), (_SILENT_ENTER, entering)):
            if moves:
                self._cursor.execute(
                    sql,
                    {
                        "tenant": self._tenant_id,
                        "segments": int4s(number for number, _ in moves),
                        "contacts": Uuids([contact for _, contact in moves]),
                        "shard": shard,
                    },
                )


_WANTED = "unnest(%(segments)s::int[], %(contacts)s::uuid[]) as u(segment, contact_id)"


def _silent(moved: str, column: str) -> str:
    return f"""
    with moved as ({moved})
    insert into segment_days as d (tenant_id, segment, day, shard, "{column}")
    select %(tenant)s, segment, ((select clock_now()) at time zone 'UTC')::date, %(shard)s, count(*) from moved group by 2 order by 2
    on conflict (tenant_id, segment, day, shard) do update set "{column}" = d."{column}" + excluded."{column}"
    """  # noqa: S608  constants


_SILENT_ENTER = _silent(
    f"""insert into segment_members (tenant_id, segment, contact_id, since)
    select %(tenant)s, segment, contact_id, (select clock_now()) from {_WANTED} order by 2, 3 on conflict do nothing returning segment""",  # noqa: S608
    "entered",
)
_SILENT_LEAVE = _silent(
    f"""delete from segment_members m using {_WANTED}
    where m.tenant_id = %(tenant)s and m.segment = u.segment and m.contact_id = u.contact_id returning m.segment""",  # noqa: S608
    "departed",
)


def _pieces(sizes: Iterable[int]) -> dict[str, Any]:
    """How one array is cut into those of the rows: their `sizes` and `ends`. A text for each row would have to be read as an array."""
    sizes = list(sizes)
    return {"sizes": int4s(sizes), "ends": int4s(itertools.accumulate(sizes))}
