"""Builds versions of rules for a piece of a workspace's contacts as sets: what they count, whom they hold for, and when time changes that.

The answers are those that judging one contact after another gives (`app.engine.membership`), which the engine does for those whom it
meets; only the next turn of the clock may be earlier than need be. All is of one workspace, in the caller's transaction, which holds the
contacts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.flow.segment_rules import as_group, leaves, pattern_total, segments_of
from app.lib.binary_fields import Uuids
from app.membership.book import Book, RuleVersion
from app.membership.rule_repository import RuleSql
from app.membership.state_repository import StateRepository

MOST_LEAVES, MOST_FACTS, MOST_PATTERNS = 300, 12, 30
"""What one statement asks of a contact: a select list has at most 1,664 columns, each thing counted is a join, and PostgreSQL holds 32
patterns that it has read (33 that take turns cost 25 times as much as 32)."""
_LATE = """
select uuid_send(u.id), coalesce(t.built, 0) from unnest(%(contacts)s::uuid[]) as u(id)
left join segment_state t on t.tenant_id = %(tenant)s and t.contact_id = u.id where coalesce(t.built, 0) < %(epoch)s
"""
_TODAY = "((select clock_now()) at time zone 'UTC')::date"
_BUILD = f"""
with judged as materialized (
  select c.id, array_remove(array[{{cases}}]::int[], null) as inside, {{turn}} as turn
  from contacts c{{source}} where c.tenant_id = %(tenant)s and c.id = any(%(contacts)s)),
standing as materialized (
  select j.*, coalesce(t.segments, '{{{{}}}}') as before, t.next_at
  from judged j left join segment_state t on t.tenant_id = %(tenant)s and t.contact_id = j.id),
moved as materialized (
  select id, n as segment, true as enters from standing cross join unnest(inside) n where n <> all(before)
  union all
  select id, n, false from standing cross join unnest(before) n where n = any(%(numbers)s) and n <> all(inside)),
entered as (
  insert into segment_members (tenant_id, segment, contact_id, since)
  select %(tenant)s, segment, id, (select clock_now()) from moved where enters and segment = any(%(silent)s) order by 2, 3
  on conflict do nothing returning segment),
departed as (
  delete from segment_members m using moved d
  where not d.enters and d.segment = any(%(silent)s) and m.tenant_id = %(tenant)s and m.segment = d.segment and m.contact_id = d.id
  returning m.segment),
counted as (
  insert into segment_days as d (tenant_id, segment, day, shard, entered, departed)
  select %(tenant)s, segment, {_TODAY}, %(shard)s, sum(came), sum(went)
  from (select segment, 1 as came, 0 as went from entered union all select segment, 0, 1 from departed) m group by 2 order by 2
  on conflict (tenant_id, segment, day, shard) do update
  set entered = d.entered + excluded.entered, departed = d.departed + excluded.departed),
written as (
  insert into segment_state (tenant_id, contact_id, built, segments, next_at)
  select %(tenant)s, id, %(built)s, array(
      select n from unnest(before) n where n = any(%(known)s) and n <> all(%(numbers)s) union all select unnest(inside) order by 1),
    least(next_at, turn) from standing order by 2
  on conflict (tenant_id, contact_id) do update set
    built = greatest(segment_state.built, excluded.built), segments = excluded.segments, next_at = excluded.next_at)
select segment, id, enters from moved where segment <> all(%(silent)s)
"""  # noqa: S608  constants


class BuiltMove(NamedTuple):
    """Somebody enters or leaves a version that counts already: not written yet, because workflows are told of it."""

    number: int
    contact_id: UUID
    enters: bool


class BuiltPiece(NamedTuple):
    """How many of the contacts were behind, and who moves in versions that count."""

    late: int
    moves: Sequence[BuiltMove]


class PieceBuilder:
    """Builds what `book` has for contacts that are behind it."""

    def __init__(self, cursor: psycopg.Cursor[Any], tenant_id: int, book: Book) -> None:
        self._cursor, self._tenant_id, self._book = cursor, tenant_id, book
        self._rows = StateRepository(cursor, tenant_id)

    def build(self, contacts: Sequence[bytes], now: datetime, shard: int) -> BuiltPiece:
        """Build all that these contacts, which are locked, are behind with."""
        arguments = {"tenant": self._tenant_id, "contacts": Uuids(contacts), "epoch": self._book.epoch}
        groups: dict[int, list[bytes]] = {}
        for contact, built in self._cursor.execute(_LATE, arguments).fetchall():
            groups.setdefault(built, []).append(contact)
        moves: list[BuiltMove] = []
        for built, late in groups.items():
            facts = [one for one in self._book.facts.values() if one.epoch > built]
            if facts:
                self._rows.recount(late, facts, self._book)
            pieces = list(self._statements([one for one in self._book.ordered() if one.epoch > built])) or [[]]
            for versions in pieces:
                reached = self._book.epoch if versions is pieces[-1] else built
                moves += self._judge(versions, late, now, reached, shard)
        return BuiltPiece(sum(map(len, groups.values())), moves)

    def _statements(self, versions: Sequence[RuleVersion]) -> Iterator[list[RuleVersion]]:
        """Versions that one statement can judge: what a rule reads of other segments stands in an earlier one."""
        several, leaf_count, pattern_count, facts = list[RuleVersion](), 0, 0, set[int]()
        for version in versions:
            parts = list(leaves(as_group(version.rule)))
            counted = {self._book.names.facts[part.fact] for part in parts if part.kind == "activity"}
            patterns = pattern_total(version.rule)
            read = {self._book.names.segments.get(one) for one in segments_of(version.rule)}
            full = leaf_count + len(parts) > MOST_LEAVES or len(facts | counted) > MOST_FACTS
            full = full or pattern_count + patterns > MOST_PATTERNS
            if several and (full or not read.isdisjoint(one.number for one in several)):
                yield several
                several, leaf_count, pattern_count, facts = [], 0, 0, set()
            several.append(version)
            leaf_count, pattern_count, facts = leaf_count + len(parts), pattern_count + patterns, facts | counted
        if several:
            yield several

    def _judge(
        self, versions: Sequence[RuleVersion], contacts: Sequence[bytes], now: datetime, built: int, shard: int
    ) -> list[BuiltMove]:
        sql = RuleSql(self._book.names, now, self._book.timezone)
        cases = [f"case when {sql.verdict(one.rule)} then {one.number:d} end" for one in versions]
        statement = _BUILD.format(
            cases=", ".join(cases),
            turn=sql.next_turn(one.rule for one in versions),
            source=sql.source(),
        )
        rows = self._cursor.execute(
            statement,
            {
                "tenant": self._tenant_id,
                "contacts": Uuids(contacts),
                "numbers": [one.number for one in versions],
                "silent": [one.number for one in versions if one.silent],
                "known": list(self._book.versions),
                "built": built,
                "shard": shard,
                **sql.parameters,
            },
            prepare=False,  # the text is another one at each build
        ).fetchall()
        return [BuiltMove(*row) for row in rows]
