"""Dynamic segments for engine tests: rules in short, their rows, and who should be in them, computed from the base tables."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.contacts.fields import ContactPatch
from app.contacts.upserting import upsert_many
from app.engine.segment_builder import SegmentBuilder
from app.flow.segment_judge import RuleNames
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import segment_rule
from app.lib.database import transaction
from app.lib.ids import uuid7
from app.membership import build_repository
from app.membership.rule_repository import RuleSql
from tests.fixtures.world import World

Json = dict[str, Any]


def f(field: str, operator: str, value: Any = None) -> Json:
    return {"field": field, "operator": operator, "value": value}


def did(event: str, times: int = 1, days: float | None = None, *, op: str = "at_least", **more: Any) -> Json:
    within = {} if days is None else {"within": {"duration": days, "unit": "days"}}
    return {"event": event, "count": {"operator": op, "value": times}, **within, **more}


def did_not(event: str, days: float | None = None) -> Json:
    return {"event": event, "did": False, **({} if days is None else {"within": {"duration": days, "unit": "days"}})}


def rule(*conditions: Json, match: str = "all") -> Json:
    return {"match": match, "conditions": list(conditions)}


class Dynamic:
    """The dynamic segments of a world."""

    def __init__(self, world: World) -> None:
        self.world, self.tenant, self.db = world, world.tenant, world.db
        self.numbers: dict[UUID, int] = {}
        self.rules: dict[int, Json] = {}
        self.last = 0

    async def add(self, *rules: Json, build: bool = True) -> list[UUID]:
        """New segments; built at once, unless told otherwise."""
        ids = []
        for raw in rules:
            assert rule_diagnostics(raw) == [], rule_diagnostics(raw)
            segment_id, self.last = uuid7(), self.last + 1
            ids.append(segment_id)
            self.numbers[segment_id], self.rules[self.last] = self.last, raw
            self.db.execute(
                "insert into segments (tenant_id, id, number, name, kind, rule, state) values (%s, %s, %s, %s, 'dynamic', %s, 'building')",
                (self.tenant, segment_id, self.last, f"Segment {self.last}", Jsonb(raw)),
            )
            async with transaction() as session:
                await build_repository.begin_build(session, self.tenant, self.last, segment_rule(raw))
        if build:
            self.build()
        return ids

    async def edit(self, segment_id: UUID, raw: Json) -> int:
        """A new version of the rule beside the old one; answers its number."""
        self.last += 1
        self.rules[self.last] = raw
        self.db.execute(
            "update segments set next_number = %s, next_rule = %s where id = %s", (self.last, Jsonb(raw), segment_id)
        )
        async with transaction() as session:
            await build_repository.begin_build(session, self.tenant, self.last, segment_rule(raw))
        return self.last

    async def swap(self, segment_id: UUID) -> None:
        """The new version counts from now on."""
        old = self.numbers[segment_id]
        async with transaction() as session:
            await build_repository.execute(
                session,
                "update segments set number = next_number, rule = next_rule, next_number = null, next_rule = null where id = %(id)s",
                id=segment_id,
            )
            await build_repository.drop(session, self.tenant, old)
            await build_repository.build_again(session, self.tenant, segment_id)
        self.numbers[segment_id] = self.world.one("select number from segments where id = %s", segment_id)
        del self.rules[old]

    def build(self, piece: int = 1_000) -> int:
        with psycopg.connect(self.db.info.dsn, autocommit=True, password=self.db.info.password) as connection:
            return SegmentBuilder(connection, piece=piece).run()

    def change(self, contact: UUID, **attributes: Any) -> None:
        """Change attributes as the API does: the row and the event in one transaction."""
        with self.db.transaction():
            self.db.execute(
                "update contacts set attributes = attributes || %s where id = %s", (Jsonb(attributes), contact)
            )
            changed = [f"attributes.{name}" for name in attributes]
            self.world.happen("contact.updated", contact, {"changed": changed})

    async def import_silently(self, *changes: tuple[UUID, Json]) -> None:
        """Change attributes as an import does that tells nobody."""
        patches = []
        for contact, attributes in changes:
            email = self.world.one("select email from contacts where id = %s", contact)
            patches.append(ContactPatch(texts={"email": email}, attributes=attributes))
        async with transaction() as session:
            await upsert_many(session, self.tenant, patches, via="import", emit=False)

    def members(self, segment_id: UUID) -> set[UUID]:
        return self.of_number(self.numbers[segment_id])

    def of_number(self, number: int) -> set[UUID]:
        rows = self.db.execute("select contact_id from segment_members where segment = %s", (number,)).fetchall()
        return {contact for (contact,) in rows}

    def told(self, segment_id: UUID) -> Counter[tuple[str, UUID]]:
        """How often each contact was told of as added and removed."""
        rows = self.db.execute(
            "select split_part(name, '.', 3), contact_id from events where name like 'segment.member.%%' and properties->>'segmentId' = %s",
            (str(segment_id),),
        ).fetchall()
        return Counter(rows)

    def wanted(self, number: int) -> set[UUID]:
        """Who should be in it by now: by the rule as SQL over the contacts and all events, without what is kept up to date."""
        now = self.world.one("select clock_now()")
        sql = RuleSql(RuleNames({}, dict(self.numbers)), now, "UTC")
        verdict = sql.verdict(segment_rule(self.rules[number]))
        rows = self.db.execute(
            f"select c.id from contacts c{sql.source()} where c.tenant_id = %(tenant)s and {verdict}",
            {"tenant": self.tenant, **sql.parameters},
        ).fetchall()
        return {contact for (contact,) in rows}

    def faults(self, *, silent: frozenset[int] = frozenset()) -> list[str]:
        """What contradicts: members, states, counters, what was told, and the rule."""
        faults = []
        states = dict(self.db.execute("select contact_id, segments from segment_state").fetchall())
        for number in self.rules:
            members = self.of_number(number)
            by_state = {contact for contact, numbers in states.items() if number in numbers}
            counted = self.world.one(
                "select coalesce(sum(entered - departed), 0) from segment_days where segment = %s", number
            )
            if members != by_state:
                faults.append(f"{number}: members and states differ by {len(members ^ by_state)}")
            if counted != len(members):
                faults.append(f"{number}: {counted} counted, {len(members)} members")
            if odd := members ^ self.wanted(number):
                faults.append(f"{number}: {len(odd)} differ from the rule {self.rules[number]}: {sorted(odd)[:2]}")
        return faults

    def told_twice(self, before: dict[UUID, set[UUID]]) -> list[str]:
        """Whether the moves that were told lead from the members `before` to those that there are, one by one."""
        faults = []
        for segment_id, first in before.items():
            told = self.told(segment_id)
            members = self.members(segment_id)
            for contact in {contact for _, contact in told} | first | members:
                balance = (contact in first) + told["added", contact] - told["removed", contact]
                if balance != (contact in members) or abs(told["added", contact] - told["removed", contact]) > 1:
                    faults.append(f"{segment_id}: {contact} {told['added', contact]} {told['removed', contact]}")
        return faults

    def recounted(self) -> list[str]:
        """Facts that differ from the events that were handled."""
        rows = self.db.execute(
            """
            with d as (select * from segment_fact_definitions where conditions = '[]' and number in (
              select unnest(facts) from segment_builds where dropped_at is null)),
            counted as (
              select e.contact_id, d.number as fact, count(*)::int as n,
                (array_agg((extract(epoch from e.occurred_at) * 1000000)::bigint - 946684800000000 order by e.occurred_at desc))
                  [1:max(d.keep)] as recent
              from events e join d on d.event = e.name
              where not exists (select from inbox i where i.event_id = e.id) group by 1, 2)
            select c.contact_id, c.fact, c.n, s.n from counted c
            full join (select * from segment_facts where fact in (select number from d)) s
              using (contact_id, fact)
            where c.n is distinct from s.n or c.recent is distinct from s.recent
            """
        ).fetchall()
        return [str(row) for row in rows]


DAY = timedelta(days=1)
