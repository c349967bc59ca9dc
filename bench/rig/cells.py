"""One cell of a benchmark: fill the database, start the workers, let each warm up by a batch and go at once, check what they wrote."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.lib import database, ids
from bench.rig import place
from bench.rig.flows import W2, variant

PATIENCE_S = 120


@dataclass(frozen=True)
class Spec:
    """What to measure: `kind` is bound, w1 or w2; `workers` processes, batches of `size`, the feature variant of W1."""

    kind: str
    workers: int = 1
    size: int = 1000
    feature: str = "all on"
    write: str = ""
    """`copy` or `pipeline` forces the way of writing; by default the engine chooses."""
    threads: int = 1
    """Engines of each process, or writers of the bound."""
    full: bool = False
    """In the full world."""

    @property
    def people(self) -> int:
        """How many runs are measured."""
        return {1: 500, 10: 3000}.get(self.size, 10_000)

    @property
    def warming(self) -> int:
        """Runs before the measured ones, a batch a worker: modules are imported, the version compiled and statements planned by then."""
        return self.workers * self.threads * self.size


@dataclass(frozen=True)
class Reading:
    """What came out: runs a second, processor time a run of Python and of PostgreSQL in microseconds, and memory.

    Megabytes of the largest worker process: what it has when it is done, and the most it ever had.
    """

    rate: float
    python_us: float
    postgres_us: float
    rss_mb: float
    peak_mb: float

    @property
    def us(self) -> float:
        """Both together."""
        return self.python_us + self.postgres_us


def measure(spec: Spec, beside: Callable[[], None] | None = None) -> Reading:
    """Run one cell; `beside` fills in what else there is. Raises AssertionError when the rows are not those that must be there."""
    place.use(full=spec.full)
    graph = W2 if spec.kind == "w2" else variant(spec.feature)
    since = ids.first_uuid7_of(datetime.now(UTC))
    people = (place.among_others if spec.full else place.fill)(graph, spec.people + spec.warming)
    if beside is not None:
        beside()
    if spec.kind == "w2":
        place.park_runs(people)
    elif spec.kind == "w1":
        place.send_events(people)
    context = multiprocessing.get_context("spawn")
    ready, measured = context.Barrier(spec.workers + 1), context.Queue()
    shares = [people[number :: spec.workers] for number in range(spec.workers)]
    workers = [context.Process(target=_work, args=(spec, share, ready, measured)) for share in shares]
    for worker in workers:
        worker.start()
    ready.wait(PATIENCE_S)
    began = time.time()
    results = [measured.get(timeout=PATIENCE_S) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE_S)
    _check(spec, since, people)
    last, python, postgres = max(r[0] for r in results), sum(r[1] for r in results), sum(r[2] for r in results)
    rss, peak = max(r[3] for r in results), max(r[4] for r in results)
    return Reading(spec.people / (last - began), python / spec.people * 1e6, postgres / spec.people * 1e6, rss, peak)


def _work(spec: Spec, share: list[Any], ready: Any, measured: Any) -> None:
    """One process: each of its threads warms up by a batch, then all go at once."""
    connections = [database.connect("bench") for _ in range(spec.threads)]
    if spec.kind != "bound":
        _change(spec)
    takes = [_take(spec, connection, share[n :: spec.threads], n) for n, connection in enumerate(connections)]
    for take in takes:
        assert take() == spec.size
    threads = [threading.Thread(target=_until_done, args=(take,)) for take in takes]
    pids = [connection.info.backend_pid for connection in connections]
    ready.wait(PATIENCE_S)
    python, postgres = time.process_time(), sum(map(place.processor_seconds, pids))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.time()
    postgres = sum(map(place.processor_seconds, pids)) - postgres
    measured.put((ended, time.process_time() - python, postgres, *place.megabytes()))


def _until_done(take: Callable[[], int]) -> None:
    while take():
        pass


def _take(spec: Spec, connection: Any, share: list[UUID], number: int) -> Callable[[], int]:
    """What handles one batch on this connection, and answers its size."""
    if spec.kind == "bound":
        from bench.rig.bound import Bound

        writer = Bound(connection, place.tenant_of(connection))
        batches = iter([share[start : start + spec.size] for start in range(0, len(share), spec.size)])

        def take() -> int:
            batch = next(batches, [])
            if batch:
                writer.write(batch)
            return len(batch)

        return take
    from app.engine.advance import Engine

    engine = Engine(connection, limit=spec.size, number=number, engines=spec.threads)
    return engine.take_events if spec.kind == "w1" else engine.take_due


def _change(spec: Spec) -> None:
    """Variants that take a part of the engine out, to see what it costs."""
    import app.engine.advance as advance
    import app.engine.write as write

    if spec.write:
        advance.SMALL = 1_000_000 if spec.write == "pipeline" else -1
    if spec.feature == "no counters":
        write.stats_arguments = lambda *_: None
    elif spec.feature == "no outputs":
        fields = write.step_fields

        def without(outcome: Any, status: int) -> bytes:
            output, outcome.output = outcome.output, None
            try:
                return fields(outcome, status)
            finally:
                outcome.output = output

        write.step_fields = without


def _check(spec: Spec, since: UUID, people: list[UUID]) -> None:
    """The runs that began in this cell, and the people who were in it."""
    steps, messages = (2, 0) if spec.kind == "w2" else (5, 1)
    n = spec.people + spec.warming
    with database.connect() as connection:
        row = connection.execute(
            "select (select count(*) from ended_runs where status = 4 and tenant_id = %(tenant)s and id >= %(since)s),"
            " (select count(*) from steps where tenant_id = %(tenant)s and run_id >= %(since)s),"
            " (select count(*) from messages where tenant_id = %(tenant)s and run_id >= %(since)s),"
            " (select count(*) from contacts where tenant_id = %(tenant)s and id = any(%(people)s)"
            "   and tags @> '{welcomed}' and attributes->>'plan' = 'trial'),"
            " (select count(*) from dead_letters)",
            {"tenant": place.tenant_of(connection), "since": since, "people": people},
        ).fetchone()
        if spec.full and row is not None and spec.kind == "w2":  # some were in an earlier cell of W1
            row = (*row[:3], 0, row[4])
        assert row == (n, steps * n, messages * n, messages * n, 0), row
        if spec.kind != "bound" and not spec.full and spec.feature not in ("no counters", "no outputs"):
            from app.engine import integrity

            assert integrity.check(connection) == []
