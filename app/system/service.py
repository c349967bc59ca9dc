"""The page that Prometheus reads."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters import run_counter_repository
from app.lib import clock
from app.system import repository
from app.troubles import service as troubles
from app.troubles.kinds import KINDS
from app.troubles.schemas import Trouble
from app.web import request_metrics


async def exposition(session: AsyncSession) -> bytes:
    """What this process counted, and what the database knows about all of them, in the text format of Prometheus."""
    registry = CollectorRegistry()
    depth = Gauge("throughline_queue_depth", "Rows that wait.", ("queue",), registry=registry)
    age = Gauge("throughline_queue_oldest_seconds", "How late the oldest due row is.", ("queue",), registry=registry)
    for queue in await repository.queues(session):
        depth.labels(queue.name).set(queue.depth)
        age.labels(queue.name).set(queue.age)
    _given_out(await repository.unacknowledged(session), registry)
    states, without = await repository.connectors(session)
    working = Gauge("throughline_connectors", "Connectors by state.", ("state",), registry=registry)
    for state, count in states.items():
        working.labels(state).set(count)
    Gauge(
        "throughline_workspaces_without_connector",
        "Workspaces with mail that waits and no connector for it.",
        registry=registry,
    ).set(without)
    runs = Counter("throughline_runs", "Runs that entered, and how they ended.", ("status",), registry=registry)
    for status, count in (await run_counter_repository.of_installation(session)).items():
        runs.labels(status).inc(max(count, 0))
    messages = Counter("throughline_messages", "Messages by outcome.", ("status",), registry=registry)
    standing = Gauge("throughline_messages_open", "Messages without a known outcome.", ("status",), registry=registry)
    totals = {"sent": 0, "failed": 0, "suppressed": 0, "queued": 0, "uncertain": 0}
    for word, count in {**totals, **await repository.message_totals(session)}.items():
        if word in ("queued", "uncertain"):
            standing.labels(word).set(count)
        else:
            messages.labels(word).inc(max(count, 0))
    _troubles(await troubles.of_installation(session), registry)
    alive = Gauge("throughline_processes", "Processes heard of in the last 15 s.", ("kind",), registry=registry)
    pulse = Gauge("throughline_heartbeat_age_seconds", "Since the last sign of life.", ("kind",), registry=registry)
    for kind, (count, seconds) in (await repository.heartbeats(session)).items():
        alive.labels(kind).set(count)
        pulse.labels(kind).set(seconds)
    known = Gauge(
        "throughline_statistics_age_seconds",
        "Since the planner was shown a table that is kept by month; infinite when never.",
        ("table",),
        registry=registry,
    )
    for one in await repository.statistics_of_months(session):
        known.labels(one.table).set(math.inf if one.age_s is None else one.age_s)
    return generate_latest(request_metrics.REGISTRY) + generate_latest(registry)


def _given_out(counts: dict[str, int], registry: CollectorRegistry) -> None:
    words = "Messages of a bus that a worker has and has not handled."
    given_out = Gauge("throughline_inbound_unacknowledged", words, ("bus",), registry=registry)
    for bus, count in counts.items():
        given_out.labels(bus).set(count)


def _troubles(troubles: list[Trouble], registry: CollectorRegistry) -> None:
    """The same list that Home and `/health/ready` show: every kind of the installation, 0 while there is none of it."""
    standing = Gauge("throughline_trouble", "1 while there is trouble of a kind.", ("kind",), registry=registry)
    count = Gauge("throughline_trouble_count", "Runs, events or emails that it concerns.", ("kind",), registry=registry)
    since = Gauge("throughline_trouble_seconds", "For how long it has lasted.", ("kind",), registry=registry)
    by_kind = {trouble.kind: trouble for trouble in troubles}
    for name, kind in KINDS.items():
        if kind.of_installation:
            trouble = by_kind.get(name)
            standing.labels(name).set(trouble is not None)
            count.labels(name).set(trouble.count if trouble else 0)
            began = trouble.since if trouble else None
            since.labels(name).set(max(0.0, (clock.now() - began).total_seconds()) if began else 0)
