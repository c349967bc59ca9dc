"""`./dev bench segments`: what an event costs with dynamic segments, by the processor time of the engine and of its database server.

    ./dev bench segments                               10,000 and 100,000 contacts, 0, 50 and 500 segments
    ./dev bench segments --contacts 10000 1000000 --segments 0 10 50 500 --events 20000

Read the ratios: an event with 500 segments against one without any, and among many contacts against among few. Half of the segments count
events, the others read attributes; nine events of ten are of names that rules count.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.lib import database, ids
from bench.rig import place, results

NAMES = [f"event.{number}" for number in range(9)]
GOALS = {"500 segments": 3.0, "contacts": 1.1, "count": 200.0}
"""An event with 500 segments against one without any (stored and handled), many contacts against few, and milliseconds of a live count."""
_CONTACTS = """
insert into contacts (id, tenant_id, email, attributes, created_at)
select u.id, %(tenant)s, u.n || '@segments.example', jsonb_build_object('plan',
  (array['free', 'pro', 'team'])[1 + u.n %% 3], 'age', u.n %% 90,
  'city', 'City ' || u.n %% 100), clock_now() - interval '1 day' from unnest(%(ids)s::uuid[]) with ordinality as u(id, n)
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


class Cell:
    """One number of contacts and of segments."""

    def __init__(self, connection: psycopg.Connection[Any], contacts: int, segments: int) -> None:
        self.connection = connection
        connection.execute(place.EMPTY)
        connection.execute(
            "truncate segments, segment_members, segment_days, segment_builds, segment_state, segment_facts"
        )
        connection.execute("truncate segment_fact_definitions")
        self.tenant = place.tenant_of(connection)
        self.people = [UUID(bytes=raw) for raw in ids.uuid7_many(contacts)]
        connection.execute(_CONTACTS, {"tenant": self.tenant, "ids": self.people})
        for number, rule in enumerate(rules(segments), 1):
            connection.execute(
                "insert into segments (tenant_id, id, number, name, kind, rule, state) values (%s, %s, %s, %s, 'dynamic', %s, 'building')",
                (self.tenant, ids.uuid7(), number, f"Segment {number}", Jsonb(rule)),
            )
        asyncio.run(self._begin(segments))
        connection.execute("vacuum analyze contacts, events, segments")

    async def _begin(self, segments: int) -> None:
        from app.flow.segment_rules import segment_rule
        from app.membership import build_repository

        async with database.transaction() as session:
            for number, rule in enumerate(rules(segments), 1):
                await build_repository.begin_build(session, self.tenant, number, segment_rule(rule))
        await database.dispose()

    def build(self) -> float:
        """Microseconds of processor time a contact, of this process and of the server's."""
        from app.engine.segment_builder import SegmentBuilder

        with database.connect("bench", None) as connection:
            pid = connection.info.backend_pid
            began = time.process_time() + place.processor_seconds(pid)
            SegmentBuilder(connection).run()
            spent = time.process_time() + place.processor_seconds(pid) - began
        return spent / len(self.people) * 1e6

    def events(self, count: int) -> tuple[float, float]:
        """Microseconds an event: of the server that stores it, and of the engine with the server process that works for it."""
        from app.engine.advance import Engine

        dice = random.Random(7)
        ingesting = self.connection.info.backend_pid
        for _ in range(2):  # the first round warms up what is compiled and cached
            contacts = dice.choices(self.people, k=count)
            names = [dice.choice([*NAMES, "nobody.counts"]) for _ in contacts]
            arguments = {
                "tenant": self.tenant,
                "ids": [ids.uuid7() for _ in contacts],
                "contacts": contacts,
                "names": names,
            }
            before = place.processor_seconds(ingesting)
            self.connection.execute(_EVENTS, arguments)
            ingested = place.processor_seconds(ingesting) - before
            self.connection.execute("vacuum analyze inbox, segment_facts, segment_state")
            engine = Engine(database.connect("bench"))
            pid = engine.connection.info.backend_pid
            began = time.process_time() + place.processor_seconds(pid)
            while engine.take_events():
                pass
            spent = time.process_time() + place.processor_seconds(pid) - began
            engine.close()
        return ingested / count * 1e6, spent / count * 1e6

    def count(self) -> float:
        """Milliseconds of a live count over two attributes and an event."""
        from app.flow.segment_rules import segment_rule
        from app.membership.counting import count_and_sample

        async def ask() -> float:
            rule = segment_rule({"conditions": [*rules(1)[0]["conditions"], {"event": NAMES[0]}]})
            async with database.transaction() as session:
                await count_and_sample(session, self.tenant, rule)
                began = time.perf_counter()
                await count_and_sample(session, self.tenant, rule)
                spent = (time.perf_counter() - began) * 1e3
            await database.dispose()
            return spent

        return asyncio.run(ask())


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench segments", description="What does an event cost with segments?")
    parser.add_argument("--contacts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--segments", type=int, nargs="+", default=[0, 50, 500])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--result", type=Path, help="write the gates to this file")
    options = parser.parse_args()
    started = time.monotonic()
    place.prepare()
    cost, figures, count = dict[tuple[int, int], float](), dict[str, list[float]](), 0.0
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        for contacts in options.contacts:
            for segments in options.segments:
                cell = Cell(connection, contacts, segments)
                built = cell.build() if segments else 0.0
                stored, handled = cell.events(options.events)
                cost[contacts, segments] = stored + handled
                name = f"{contacts:,} contacts, {segments} segments"
                figures |= {f"{name}: us an event": [handled], f"{name}: us to store one": [stored]}
                print(
                    f"{contacts:>9,} contacts {segments:>4} segments: {stored:5.1f} us to store an event, {handled:6.1f} us to handle it,"
                    f" built at {built:6.1f} us a contact",
                    flush=True,
                )
            count = cell.count()
            print(f"{contacts:>9,} contacts: a live count takes {count:.0f} ms", flush=True)
    few, many, most = options.contacts[0], options.contacts[-1], options.segments[-1]
    dearer = cost[many, most] / cost[many, options.segments[0]]
    wider = cost[many, most] / cost[few, most]
    gates = [
        results.Gate(
            what=f"an event with {most} segments against {options.segments[0]}",
            values=[dearer],
            goal=GOALS["500 segments"],
            at_most=True,
        ),
        results.Gate(
            what=f"an event among {many:,} contacts against {few:,}",
            values=[wider],
            goal=GOALS["contacts"],
            at_most=True,
        ),
        results.Gate(what=f"a live count over {many:,}", values=[count], goal=GOALS["count"], unit="ms", at_most=True),
    ]
    for gate in gates:
        print(f"{gate.what}: {gate.median:.2f} {gate.unit} (at most {gate.goal:g})")
    if options.result:
        seconds = time.monotonic() - started
        results.write(
            options.result, [results.CellResult(cell="segments", seconds=seconds, gates=gates, figures=figures)]
        )


if __name__ == "__main__":
    main()
