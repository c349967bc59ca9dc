"""`./dev bench neighbour`: how long a small workspace waits while a neighbour has a campaign under way, against a quiet evening.

    ./dev bench neighbour                               events and mails, beside 200,000 of a neighbour's
    ./dev bench neighbour --cells mail --size 20000 --result F

Every 0.2 s the small workspace gets one event, or one mail to send, and the time until its run has ended, or its mail has left, is taken:
first alone, then with the neighbour's before it in the queue. The goal is that it is late by a second more at most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from app.lib import clock, database, ids
from bench import mail
from bench.rig import place, results
from bench.rig.flows import EVENT, W1

SMALL, EVERY_S, LATEST_S = 25, 0.2, 30.0
"""Things of the small workspace, the time between two of them, and how long one is waited for."""
GOAL_S = 1.0
_NEIGHBOUR = UUID("01900000-0000-7000-8000-000000000002")
PEOPLE = 5_000
_WORKERS = 2
_EVENTS = """
insert into inbox (tenant_id, name, contact_id, event_id, payload, occurred_at)
select %(tenant)s, %(name)s, (%(people)s::uuid[])[1 + n %% cardinality(%(people)s::uuid[])], gen_random_uuid(), %(payload)s, now()
from generate_series(1, %(size)s) n
"""
_CONTACTS = """
insert into contacts (id, tenant_id, email, source)
select p, %(tenant)s, p || '@neighbour.test', 'website' from unnest(%(people)s::uuid[]) p
"""
_ENDED = "select contact_id from ended_runs where tenant_id = %s and contact_id = any(%s)"
_SENT = "select run_id from messages where tenant_id = %s and run_id = any(%s) and status = 2"
Connection = psycopg.Connection[Any]


def _neighbour(connection: Connection) -> int:
    connection.execute("insert into workspaces (name, slug) values ('Neighbour', 'neighbour') on conflict do nothing")
    row = connection.execute("select id from workspaces where slug = 'neighbour'").fetchone()
    assert row is not None
    tenant = int(row[0])
    arguments = {"id": _NEIGHBOUR, "tenant": tenant, "graph": Jsonb(W1)}
    connection.execute(place.WORKFLOW_ROW, arguments)
    connection.execute(place.VERSION_ROW, arguments)
    return tenant


def events_of_the_neighbour(connection: Connection, size: int) -> None:
    """So many events that start W1, in the inbox before any of the small workspace."""
    tenant, people = _neighbour(connection), [UUID(bytes=raw) for raw in ids.uuid7_many(PEOPLE)]
    connection.execute(_CONTACTS, {"tenant": tenant, "people": people})
    arguments = {"tenant": tenant, "name": EVENT, "people": people, "payload": Jsonb(place.PAYLOAD), "size": size}
    connection.execute(_EVENTS, arguments)
    connection.execute("vacuum analyze inbox, contacts")


def mails_of_the_neighbour(connection: Connection, size: int, port: int) -> None:
    """So many mails that are due before any of the small workspace, by a connector of the neighbour's own."""
    tenant = _neighbour(connection)
    mail.queue(connection, tenant, _NEIGHBOUR, mail.equip(connection, tenant, "text", port), size)
    connection.execute("vacuum analyze messages")


def _work_on_events(stop: Any) -> None:
    from app.engine.advance import Engine

    with database.connect("bench") as connection:
        engine = Engine(connection)
        while not stop.is_set():
            if not (engine.take_events() or engine.take_due()):
                time.sleep(0.01)


def _work_on_mails(stop: Any) -> None:
    from app.messaging.deliver import Delivery, connect

    with connect() as connection:
        while not stop.is_set():
            if not asyncio.run(Delivery(connection, stop=stop).run(20)):
                time.sleep(0.01)


def delays(
    connection: Connection, add: Callable[[], UUID], ended: Callable[[list[UUID]], set[UUID]], count: int = SMALL
) -> list[float]:
    """Add something now and then, and take the seconds until each is done; those that are not in time count as `LATEST_S`."""
    begun: dict[UUID, float] = {}
    seconds: list[float] = []
    next_add = time.monotonic()
    while len(seconds) < count and time.monotonic() < next_add + LATEST_S:
        if len(begun) + len(seconds) < count and time.monotonic() >= next_add:
            begun[add()] = time.monotonic()
            next_add = time.monotonic() + EVERY_S
        for key in ended(list(begun)):
            seconds.append(time.monotonic() - begun.pop(key))
        time.sleep(0.01)
    return [*seconds, *[LATEST_S] * (count - len(seconds))]


def measure_events(size: int) -> list[float]:
    """The seconds until runs of the small workspace ended, beside `size` events of the neighbour."""
    people = place.fill(W1, SMALL + 1)
    with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
        tenant = place.tenant_of(connection)
        if size:
            events_of_the_neighbour(connection, size)

        def add() -> UUID:
            person = people.pop()
            connection.execute(
                "insert into inbox (tenant_id, name, contact_id, event_id, payload, occurred_at) values (%s, %s, %s, %s, %s, %s)",
                (tenant, EVENT, person, person, json.dumps(place.PAYLOAD), clock.now()),
            )
            return person

        return _beside_workers(_work_on_events, 1, connection, add, _ENDED, tenant)


def measure_mails(size: int) -> list[float]:
    """The seconds until mails of the small workspace left, beside `size` queued mails of the neighbour."""
    context = multiprocessing.get_context("spawn")
    sink = mail.Sink(context)
    try:
        mail.fill("text", 0, sink.port)
        with database.connect("bench", None, limits={"statement_timeout": 0}) as connection:
            tenant = place.tenant_of(connection)
            row = connection.execute("select id from templates where tenant_id = %s", (tenant,)).fetchone()
            assert row is not None
            if size:
                mails_of_the_neighbour(connection, size, sink.port)

            def add() -> UUID:
                return mail.queue(connection, tenant, place.WORKFLOW, row[0], 1, shard=7)[0]

            return _beside_workers(_work_on_mails, _WORKERS, connection, add, _SENT, tenant)
    finally:
        sink.stop()


def _beside_workers(
    work: Callable[[Any], None], workers: int, connection: Connection, add: Callable[[], UUID], done: str, tenant: int
) -> list[float]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [context.Process(target=work, args=(stop,)) for _ in range(workers)]
    for process in processes:
        process.start()
    try:

        def ended(keys: list[UUID]) -> set[UUID]:
            return {row[0] for row in connection.execute(done, (tenant, keys)).fetchall()} if keys else set()

        delays(connection, add, ended, 1)  # until the workers are warm
        return delays(connection, add, ended)
    finally:
        stop.set()
        for process in processes:
            process.join(30)
            process.kill()


CELLS: dict[str, Callable[[int], list[float]]] = {"events": measure_events, "mail": measure_mails}


def result_of(cell: str, size: int, alone: list[float], beside: list[float], seconds: float) -> results.CellResult:
    """The gate: how much later beside the neighbour, at the 95th percentile."""
    later = results.percentile(beside, 95) - results.percentile(alone, 95)
    what = f"{cell} beside {size:,} of a neighbour, p95 later by"
    figures = {
        f"{name}, p{percent} s": [results.percentile(values, percent)]
        for name, values in (("alone", alone), ("beside", beside))
        for percent in (50, 95)
    }
    gate = results.Gate(what=what, values=[later], goal=GOAL_S, unit="s", at_most=True)
    return results.CellResult(cell=f"neighbour, {cell}", seconds=seconds, gates=[gate], figures=figures)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench neighbour", description="Measure delays beside a neighbour's campaign."
    )
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--size", type=int, default=200_000, help="of the neighbour's campaign")
    parser.add_argument("--result", type=Path, help="write the results to this file")
    options = parser.parse_args()
    place.prepare()
    cell_results = []
    for cell in options.cells:
        began = time.monotonic()
        alone, beside = CELLS[cell](0), CELLS[cell](options.size)
        cell_results.append(result_of(cell, options.size, alone, beside, time.monotonic() - began))
        print("\n".join(results.lines(cell_results[-1])), flush=True)
    if options.result:
        results.write(options.result, cell_results)


if __name__ == "__main__":
    main()
