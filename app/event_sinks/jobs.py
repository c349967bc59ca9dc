"""What workers and the scheduler do for buses."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog

from app.domain_events.sink_repository import forget_sinks, give_up_events
from app.event_sinks.inbound_repository import forget_messages
from app.event_sinks.nats_intake import NAME, take_in_messages
from app.event_sinks.sink_pass import LIMITS, carry_events
from app.event_sinks.sinks import NATS, REDIS, planned
from app.lib import clock, database, polling
from app.lib.database_roles import DatabaseRole
from app.settings import settings

log = structlog.get_logger()
KEPT = timedelta(days=7)
"""How long an event waits for a bus that is away."""
AT_A_TIME = 5_000
OTHERS_LOOK_S = 5.0
"""How often a worker looks whether the one that carries events is still there."""
REMEMBERED = timedelta(days=3)
"""How long a message is known by its id."""
_carrying = {NATS: threading.Lock(), REDIS: threading.Lock(), NAME: threading.Lock()}


def _carry(name: str) -> None:
    plan = next((plan for plan in planned(settings().buses) if plan.name == name), None)
    if plan is None or not _carrying[name].acquire(blocking=False):
        return
    try:
        carry_events(plan)
    finally:
        _carrying[name].release()
    polling.stopping.wait(OTHERS_LOOK_S)


def publish_to_nats() -> None:
    """Carry events to NATS, where the settings name one."""
    _carry(NATS)


def publish_to_redis() -> None:
    """Carry events to the stream of a Redis, where the settings name one."""
    _carry(REDIS)


def receive_from_nats() -> None:
    """Take in what others send by NATS, where the settings name one."""
    bus = settings().buses.nats
    if not bus.servers or not bus.subscribe or not _carrying[NAME].acquire(blocking=False):
        return
    try:
        take_in_messages(bus, lambda: database.connect("nats-inbound", limits=LIMITS))
    finally:
        _carrying[NAME].release()
    polling.stopping.wait(OTHERS_LOOK_S)


async def settle_sinks() -> None:
    """A bus that the settings name no more is forgotten, with what waits for it; nothing waits for more than a week."""
    known = [NAME, *(plan.name for plan in planned(settings().buses))]
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await forget_sinks(session, known)
    given_up = ["" for _ in range(AT_A_TIME)]
    while len(given_up) == AT_A_TIME:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            given_up = await give_up_events(session, clock.now() - KEPT, AT_A_TIME)
        if given_up:
            log.warning("events.given_up", sinks=sorted(set(given_up)), count=len(given_up))


async def forget_inbound() -> None:
    """Which messages were handled is known for three days."""
    forgotten = AT_A_TIME
    while forgotten == AT_A_TIME:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            forgotten = await forget_messages(session, clock.now() - REMEMBERED, AT_A_TIME)


POLLS = [publish_to_nats, publish_to_redis, receive_from_nats]
HOUSEKEEPING = [settle_sinks, forget_inbound]
