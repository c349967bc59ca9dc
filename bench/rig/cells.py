"""One cell of a benchmark: fill the database, start the workers, let each warm up by a batch and go at once, check what they wrote."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from typing import Any

from app.lib import database
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

    @property
    def people(self) -> int:
        """How many runs are measured."""
        return {1: 500, 10: 3000}.get(self.size, 10_000)

    @property
    def warming(self) -> int:
        """Runs before the measured ones, a batch a worker: modules are imported, the version compiled and statements planned by then."""
        return self.workers * self.size


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


def measure(spec: Spec) -> Reading:
    """Run one cell. Raises AssertionError when the rows are not exactly those that must be there."""
    graph = W2 if spec.kind == "w2" else variant(spec.feature)
    people = place.fill(graph, spec.people + spec.warming)
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
    _check(spec)
    last, python, postgres = max(r[0] for r in results), sum(r[1] for r in results), sum(r[2] for r in results)
    rss, peak = max(r[3] for r in results), max(r[4] for r in results)
    return Reading(spec.people / (last - began), python / spec.people * 1e6, postgres / spec.people * 1e6, rss, peak)


def _work(spec: Spec, share: list[Any], ready: Any, measured: Any) -> None:
    connection = database.connect("bench")
    if spec.kind == "bound":
        from bench.rig.bound import Bound

        writer = Bound(connection, place.tenant_of(connection))

        batches = iter([share[start : start + spec.size] for start in range(0, len(share), spec.size)])

        def take() -> int:
            batch = next(batches, [])
            if batch:
                writer.write(batch)
            return len(batch)
    else:
        from app.engine.advance import Engine

        _change(spec)
        engine = Engine(connection, limit=spec.size)
        take = engine.take_events if spec.kind == "w1" else engine.take_due

    assert take() == spec.size
    ready.wait(PATIENCE_S)
    python, pid = time.process_time(), connection.info.backend_pid
    postgres = place.processor_seconds(pid)
    while take():
        pass
    measured.put(
        (time.time(), time.process_time() - python, place.processor_seconds(pid) - postgres, *place.megabytes())
    )


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


def _check(spec: Spec) -> None:
    steps, messages = (2, 0) if spec.kind == "w2" else (5, 1)
    n = spec.people + spec.warming
    with database.connect() as connection:
        row = connection.execute(
            "select (select count(*) from runs where status = 4), (select count(*) from steps), (select count(*) from messages),"
            " (select count(*) from contacts where tags = '{welcomed}' and attributes->>'plan' = 'trial'),"
            " (select count(*) from dead_letters)"
        ).fetchone()
        assert row == (n, steps * n, messages * n, messages * n, 0), row
        if spec.kind != "bound" and spec.feature not in ("no counters", "no outputs"):
            from app.engine import integrity

            assert integrity.check(connection) == []
