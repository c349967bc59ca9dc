"""`./dev bench segments`: what an event costs with dynamic segments, by the processor time of the engine and of its database server.

    ./dev bench segments                               10,000 and 1,000,000 contacts, 0 and 50 segments, 500 among the few
    ./dev bench segments --contacts 10000 --segments 0 10 50 500 --events 20000 --rounds 3

Read the ratios: an event with segments against one without any, and among many contacts against among few. Half of the segments count
events, the others read attributes; nine events of ten are of names that rules count. Contacts come as sets, with events of the past;
their segments are built as the product builds them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.lib import database, ids
from bench.rig import place, results

NAMES = [f"event.{number}" for number in range(9)]
GOALS = {"handled": 3.0, "stored": 3.0, "500 segments": 3.0, "contacts": 1.1, "count": 2_000.0}
"""An event that is handled beside 50 segments against a bare one; the same with storing it, as the design counts it; one that is stored
and handled beside 500 against beside none; one among many contacts against among few; milliseconds until an editor of a rule knows how
many it holds for, whatever the rule."""
MOST = 500
"""Segments of a workspace; measured among the fewest contacts only: a million take half an hour to build."""
PIECE = 100_000
ACTIVE = 10_000
"""To how many contacts, all over the table, something happens: equally often to each, however many there are."""
_CONTACTS = """
insert into contacts (id, tenant_id, email, attributes, created_at)
select u.id, %(tenant)s, u.id || '@segments.example', jsonb_build_object('plan',
  (array['free', 'pro', 'team'])[1 + u.n %% 3], 'age', u.n %% 90,
  'city', 'City ' || u.n %% 100), clock_now() - interval '1 day' from unnest(%(ids)s::uuid[]) with ordinality as u(id, n)
"""
_PAST = """
insert into events (id, tenant_id, contact_id, name, occurred_at)
select u.id, %(tenant)s, u.contact_id, 'event.' || u.n %% 9, clock_now() - interval '1 hour' * (u.n %% 2000)
from unnest(%(ids)s::uuid[], %(contacts)s::uuid[]) with ordinality as u(id, contact_id, n)
"""
_EVENTS = """
with happened as (
  insert into events (id, tenant_id, contact_id, name, occurred_at)
  select id, %(tenant)s, contact_id, name, clock_now() from unnest(%(ids)s::uuid[], %(contacts)s::uuid[], %(names)s::text[])
    as u(id, contact_id, name)
  returning *)
insert into inbox (tenant_id, name, contact_id, event_id, payload, occurred_at)
select tenant_id, name, contact_id, id, '{}', occurred_at from happened
"""


def rules(count: int) -> list[dict[str, Any]]:
    """Rules as marketers write them, half of them over events."""
    raw_rules = []
    for number in range(count):
        counted = {"event": NAMES[number % len(NAMES)], "count": {"operator": "at_least", "value": 2 + number % 5}}
        within = {"within": {"duration": 7 + number % 60, "unit": "days"}}
        attribute = {"field": "attributes.plan", "operator": "in", "value": ["pro", "team"]}
        age = {"field": "attributes.age", "operator": "greater_than", "value": 20 + number % 50}
        raw_rules.append({"conditions": [attribute, {**counted, **within}] if number % 2 else [attribute, age]})
    return raw_rules


class Workspace:
    """Contacts with events of the past; segments come and go."""

    def __init__(self, connection: psycopg.Connection[Any], contacts: int, past: int) -> None:
        """`past`: events of each contact."""
        self.connection = connection
        connection.execute(place.EMPTY)
        self._forget()
        self.tenant = place.tenant_of(connection)
        self.people = [UUID(bytes=raw) for raw in ids.uuid7_many(contacts)]
        self.active = random.Random(7).sample(self.people, min(contacts, ACTIVE))
        for first in range(0, contacts, PIECE):
            piece = self.people[first : first + PIECE]
            connection.execute(_CONTACTS, {"tenant": self.tenant, "ids": piece})
            for _ in range(past):
                event_ids = [UUID(bytes=raw) for raw in ids.uuid7_many(len(piece))]
                connection.execute(_PAST, {"tenant": self.tenant, "ids": event_ids, "contacts": piece})
        connection.execute("vacuum analyze contacts, events")

    def _forget(self) -> None:
        self.connection.execute(
            "truncate segments, segment_members, segment_days, segment_builds, segment_state, segment_facts,"
            " segment_fact_definitions, inbox"
        )

    def build(self, segments: int) -> float:
        """Have so many segments and no others; answers microseconds of processor time a contact, of this process and of the server's."""
        from app.engine.segment_builder import SegmentBuilder

        self._forget()
        for number, rule in enumerate(rules(segments), 1):
            self.connection.execute(
                "insert into segments (tenant_id, id, number, name, kind, rule, state) values (%s, %s, %s, %s, 'dynamic', %s, 'building')",
                (self.tenant, ids.uuid7(), number, f"Segment {number}", Jsonb(rule)),
            )
        asyncio.run(self._begin(segments))
        with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
            pid = connection.info.backend_pid
            began = time.process_time() + place.processor_seconds(pid)
            SegmentBuilder(connection).run()
            spent = time.process_time() + place.processor_seconds(pid) - began
        self.connection.execute("vacuum analyze segment_members, segment_state, segment_facts, segments")
        return spent / len(self.people) * 1e6

    async def _begin(self, segments: int) -> None:
        from app.flow.segment_rules import segment_rule
        from app.membership import build_repository

        async with database.transaction() as session:
            for number, rule in enumerate(rules(segments), 1):
                await build_repository.begin_build(session, self.tenant, number, segment_rule(rule))
        await database.dispose()

    def events(self, count: int, rounds: int) -> tuple[list[float], list[float]]:
        """Microseconds an event, one value a round: of the server that stores it, and of the engine with the server process that works
        for it."""
        measured = [self._round(count, number) for number in range(rounds + 1)]
        return [stored for stored, _ in measured[1:]], [
            handled for _, handled in measured[1:]
        ]  # the first one warms up

    def _round(self, count: int, number: int) -> tuple[float, float]:
        from app.engine.advance import Engine

        dice = random.Random(number)
        ingesting = self.connection.info.backend_pid
        contacts = dice.choices(self.active, k=count)
        names = [dice.choice([*NAMES, "nobody.counts"]) for _ in contacts]
        event_ids = [ids.uuid7() for _ in contacts]
        arguments = {"tenant": self.tenant, "ids": event_ids, "contacts": contacts, "names": names}
        before = place.processor_seconds(ingesting)
        self.connection.execute(_EVENTS, arguments)
        ingested = place.processor_seconds(ingesting) - before
        self.connection.execute("vacuum analyze inbox")
        engine = Engine(database.connect("bench"))
        pid = engine.connection.info.backend_pid
        began = time.process_time() + place.processor_seconds(pid)
        while engine.take_events():
            pass
        spent = time.process_time() + place.processor_seconds(pid) - began
        engine.close()
        return ingested / count * 1e6, spent / count * 1e6

    def counts(self) -> dict[str, float]:
        """Milliseconds until the editor of a rule knows whom it holds for, for rules of several kinds."""
        from app.flow.segment_rules import segment_rule
        from app.membership.live_count import live_count

        async def ask(rule: dict[str, Any]) -> float:
            async with database.transaction() as session:
                began = time.perf_counter()
                count = await live_count(session, self.tenant, ids.uuid7(), segment_rule(rule))
                spent = (time.perf_counter() - began) * 1e3
            print(
                f"  {count.preview.words if count.preview else 'no number'} of {count.total:,} in {spent:.0f} ms: {rule}"
            )
            return spent

        async def ask_all() -> dict[str, float]:
            spent = {what: await ask({"conditions": conditions}) for what, conditions in COUNTED.items()}
            await database.dispose()
            return spent

        return asyncio.run(ask_all())


_PLAN = {"field": "attributes.plan", "operator": "in", "value": ["pro", "team"]}
COUNTED: dict[str, list[dict[str, Any]]] = {
    "warming up": [_PLAN],
    "attributes": [_PLAN, {"field": "attributes.age", "operator": "greater_than", "value": 50}],
    "text": [{"field": "attributes.city", "operator": "contains", "value": "ty 7"}],
    "an event": [_PLAN, {"event": NAMES[0], "within": {"duration": 30, "unit": "days"}}],
    "an event that nobody counts yet": [
        {"event": NAMES[0], "conditions": [{"field": "kind", "operator": "not_equals", "value": "x"}]}
    ],
    "no event": [{"event": NAMES[1], "did": False}, {"event": NAMES[2], "did": False}],
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench segments", description="What does an event cost with segments?")
    parser.add_argument("--contacts", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--segments", type=int, nargs="+", default=[0, 50, MOST])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--past", type=int, default=2, help="events of each contact that were before")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    started = time.monotonic()
    place.prepare()
    costs, figures, counted = dict[tuple[int, int], Cost](), dict[str, list[float]](), dict[str, float]()
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        for contacts in options.contacts:
            workspace = Workspace(connection, contacts, options.past)
            for segments in options.segments:
                if segments >= MOST and contacts != options.contacts[0]:
                    continue
                built = workspace.build(segments)
                cost = costs[contacts, segments] = Cost(*workspace.events(options.events, options.rounds), built)
                name = f"{contacts:,} contacts, {segments} segments"
                figures |= {f"{name}: us an event": cost.handled, f"{name}: us to store one": cost.stored}
                figures |= {f"{name}: us to build a contact": [built]} if segments else {}
                print(
                    f"{contacts:>9,} contacts {segments:>4} segments: {cost.store:5.1f} us to store an event, {cost.handle:6.1f} us to"
                    f" handle it, built at {built:6.1f} us a contact; {time.monotonic() - started:.0f} s",
                    flush=True,
                )
            counted = workspace.counts()
            figures |= {f"{contacts:,} contacts: ms to count by {what}": [ms] for what, ms in counted.items()}
    gates = gates_of(costs, options.contacts, options.segments, max(counted.values()))
    for gate in gates:
        print(f"{gate.what}: {gate.median:.2f} {gate.unit} (at most {gate.goal:g})")
    if options.result:
        seconds = time.monotonic() - started
        results.write(
            options.result, [results.CellResult(cell="segments", seconds=seconds, gates=gates, figures=figures)]
        )


class Cost(NamedTuple):
    """Microseconds of an event by round, and of a contact that is built."""

    stored: list[float]
    handled: list[float]
    built: float

    @property
    def store(self) -> float:
        return statistics.median(self.stored)

    @property
    def handle(self) -> float:
        return statistics.median(self.handled)


def gates_of(
    costs: dict[tuple[int, int], Cost], contacts: list[int], segments: list[int], slowest_ms: float
) -> list[results.Gate]:
    """The ratios that are goals, of what was measured."""
    few, many, none = contacts[0], contacts[-1], segments[0]
    usual, most = max((one for one in segments if one < MOST), default=segments[-1]), segments[-1]

    def gate(what: str, value: float, goal: str, unit: str = "") -> results.Gate:
        return results.Gate(what=what, values=[value], goal=GOALS[goal], unit=unit, at_most=True)

    bare, loaded, full = costs[few, none], costs[few, usual], costs[few, most]
    return [
        gate(f"handling an event beside {usual} segments against {none}", loaded.handle / bare.handle, "handled"),
        gate(
            f"storing and handling one beside {usual} segments against {none}",
            (loaded.store + loaded.handle) / (bare.store + bare.handle),
            "stored",
        ),
        gate(
            f"storing and handling one beside {most} segments against {none}",
            (full.store + full.handle) / (bare.store + bare.handle),
            "500 segments",
        ),
        gate(
            f"handling one beside {usual} segments, {many:,} contacts against {few:,}",
            costs[many, usual].handle / loaded.handle,
            "contacts",
        ),
        gate(f"the slowest live count over {many:,}", slowest_ms, "count", "ms"),
    ]


if __name__ == "__main__":
    main()
