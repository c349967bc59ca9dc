"""The pass of a worker that makes deliveries: each endpoint at its own pace, so that a slow one holds up no other.

An endpoint has a turn of some seconds, in which some of its deliveries are made side by side. Turns go round: first those who have waited
longest, and of one workspace a few at most at the same time. Nothing of the database is held while the network waits.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import psycopg
import structlog

from app.domain_events.envelope import event_body
from app.lib import clock, crypto, database, polling
from app.lib.connection_thread import Connection, ConnectionThread
from app.lib.http_client import HttpClient
from app.lib.translation import translatable
from app.webhook_endpoints import delivery_repository, envelope
from app.webhook_endpoints.backoff import Reply, next_try_s
from app.webhook_endpoints.delivery_repository import DeliveryEnd, EndpointLane, TakenDelivery
from app.webhook_endpoints.http_post import TIMEOUT_S, opened_client, post
from app.webhook_endpoints.secrets import EndpointSecrets

log = structlog.get_logger()
LOOK_S = 1.0
TURN_S = 5.0
"""How long an endpoint has when others wait; the batch under way then ends."""
AT_ONCE, TAKEN = 8, 24
"""Deliveries of one endpoint that are made side by side, and that are taken together: they take 45 s at most, half a lease."""
MOST_TURNS, MOST_OF_WORKSPACE = 32, 8
"""Endpoints that are served at the same time, in all and of one workspace."""
LONGEST_PAUSE_S = 60.0
"""An endpoint at which a whole batch failed pauses, the longer the oftener: until then its backlog takes nobody's turn."""
LOST_KEY = translatable(
    "The secret of this endpoint cannot be read, because the secret key of the installation is another "
    "one. Rotate the secret."
)

FAULT = translatable("This delivery stopped on a fault in the program. The log of the worker says more.")


class DeliveryPass:
    """One worker's deliveries, on one event loop and one database connection. `look_s` 0: once, and nothing that comes later."""

    def __init__(
        self,
        connection: Connection,
        reconnect: Callable[[], Connection] = lambda: database.connect("webhooks"),
        stop: threading.Event = polling.stopping,
    ) -> None:
        self._connection, self._reconnect, self._stop = connection, reconnect, stop
        self._turns: dict[EndpointLane, asyncio.Task[None]] = {}
        self._served: dict[EndpointLane, float] = {}
        """When endpoints had their last turn; of those that had one lately."""
        self._failures: Counter[EndpointLane] = Counter()
        self._after: EndpointLane | None = None
        self.count = 0
        """Tries that were made."""

    async def run(self, *, until_idle: bool = False) -> int:
        """Deliver until told to stop, or until nothing is due; how many tries were made."""
        async with opened_client(connections=MOST_TURNS * AT_ONCE) as self._client:
            await self._run(until_idle=until_idle)
        return self.count

    async def _run(self, *, until_idle: bool) -> None:
        thread = ConnectionThread(self._connection, self._reconnect, "webhooks")
        try:
            while not self._stop.is_set():
                began = await self._look(thread)
                if until_idle and not began and not self._turns:
                    break
                await self._wait(0.0 if began and until_idle else LOOK_S)
            if self._turns:  # a try that is under way is worth its end
                await asyncio.wait(self._turns.values(), timeout=polling.STOP_S / 2)
        finally:
            for task in self._turns.values():
                task.cancel()
            await asyncio.gather(*self._turns.values(), return_exceptions=True)
            thread.close()

    async def _wait(self, seconds: float) -> None:
        if self._turns:
            await asyncio.wait(self._turns.values(), timeout=seconds or LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def _look(self, thread: ConnectionThread) -> int:
        """Give turns to endpoints that have something due; how many."""
        try:
            lanes = await thread.transaction(partial(delivery_repository.due_lanes, after=self._after))
        except psycopg.OperationalError as error:
            if not self._turns:
                raise
            log.warning("webhooks.database_away", error=type(error).__name__)
            return 0
        self._after = lanes[-1] if len(lanes) == delivery_repository.LOOKED_AT else None
        now = time.monotonic()
        self._served = {lane: at for lane, at in self._served.items() if now - at < 2 * LONGEST_PAUSE_S}
        of_workspace = Counter(lane.tenant_id for lane in self._turns)
        began = 0
        for lane in sorted(lanes, key=lambda lane: self._served.get(lane, 0.0)):
            if (
                lane in self._turns
                or len(self._turns) >= MOST_TURNS
                or of_workspace[lane.tenant_id] >= MOST_OF_WORKSPACE
            ):
                continue
            if now - self._served.get(lane, 0.0) < self._pause(lane):
                continue
            of_workspace[lane.tenant_id] += 1
            began += 1
            task = self._turns[lane] = asyncio.create_task(self._turn(thread, lane))
            task.add_done_callback(partial(self._over, lane))
        return began

    def _over(self, lane: EndpointLane, _task: asyncio.Task[None]) -> None:
        del self._turns[lane]

    def _pause(self, lane: EndpointLane) -> float:
        failures = self._failures[lane]
        return min(2.0**failures, LONGEST_PAUSE_S) if failures else 0.0

    async def _turn(self, thread: ConnectionThread, lane: EndpointLane) -> None:
        """Deliver what is due at one endpoint, for a while."""
        until = time.monotonic() + TURN_S
        try:
            while not self._stop.is_set() and time.monotonic() < until:
                taken = await thread.transaction(partial(delivery_repository.take, lane=lane, most=TAKEN))
                if not taken:
                    break
                room = asyncio.Semaphore(AT_ONCE)
                ends = await asyncio.gather(*(self._deliver(delivery, room) for delivery in taken))
                disabled = await thread.transaction(partial(delivery_repository.settle, lane=lane, ends=ends))
                if disabled:
                    log.warning("webhooks.disabled", tenant_id=lane.tenant_id, endpoint_id=str(lane.endpoint_id))
                if not any(end.reply.arrived for end in ends):
                    self._failures[lane] += 1
                    break
                del self._failures[lane]
        except psycopg.OperationalError as error:  # what was taken is sent again when its lease is over
            log.warning("webhooks.database_away", error=type(error).__name__)
        finally:
            self._served[lane] = time.monotonic()

    async def _deliver(self, delivery: TakenDelivery, room: asyncio.Semaphore) -> DeliveryEnd:
        async with room:
            at, reply = clock.now(), await self._try(delivery)
        self.count += 1
        pause = None if reply.arrived else next_try_s(delivery.attempt + 1, reply, random.random())  # noqa: S311
        return DeliveryEnd(delivery, reply, pause, at)

    async def _try(self, delivery: TakenDelivery) -> Reply:
        try:
            opened = EndpointSecrets.opened(delivery.sealed, delivery.tenant_id, delivery.endpoint_id)
        except crypto.CannotUnseal:
            return Reply(None, error=LOST_KEY)
        try:
            return await send(self._client, delivery, opened)
        except Exception as error:  # of this delivery alone
            log.error("webhooks.broke", endpoint_id=str(delivery.endpoint_id), exc_info=error)
            return Reply(None, error=FAULT)


async def send(client: HttpClient, delivery: TakenDelivery, opened: EndpointSecrets) -> Reply:
    """Make one try."""
    now = clock.now()
    body = event_body(delivery.id, delivery.type, delivery.occurred_at, delivery.data, delivery.tenant_id)
    headers = envelope.headers_of(delivery.id, body, opened.live(now), now)
    with database.outside_call("a webhook endpoint"):
        return await post(client, delivery.url, headers, body, TIMEOUT_S)
