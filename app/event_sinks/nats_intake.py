"""The pass of a worker that takes in what other programs send by NATS. Each workspace has a durable consumer of its own, so that what one
brings holds up no other. A message is acknowledged after the commit; one that is refused goes to the dead letters, with the reason."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import psycopg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.bus_settings import NatsSettings
from app.domain_events import sink_repository
from app.domain_events.sink_repository import Connection
from app.errors import AppError, Invalid
from app.event_sinks.inbound import BusMessage, Refusals, WorkspaceBusy, handle_messages
from app.event_sinks.inbound_repository import BusWorkspace, bus_workspaces
from app.event_sinks.nats_connection import connect_nats, ensure_stream, reason_of
from app.event_sinks.nats_transport import ORIGIN, joined_subject
from app.lib import database, polling, wakeups
from app.lib.connection_thread import ConnectionThread
from app.lib.database_roles import DatabaseRole, scope_to
from app.settings import settings

log = structlog.get_logger()
NAME, LOCK = "nats_inbound", 7_401_013
STREAM, DEAD_STREAM, DEAD = "THROUGHLINE_INBOUND", "THROUGHLINE_DEAD_LETTERS", "dead"
BATCH, FETCH_S = 50, 1.0
"""Messages of a workspace that are handled together, and how long one look for them waits."""
ACK_WAIT_S, MOST_PENDING = 30.0, 500
"""After so long without a word a message is given out again; how many may be out at a time."""
MOST_TRIES = 5
"""Of a message on which the program stumbles, before it is set aside."""
SEEN_S, LONGEST_PAUSE_S = 5.0, 30.0
SEVERAL = "There are several workspaces: NATS_WORKSPACES has to say which messages are for which."


class _Fault(AppError):
    """The program stumbled on this message again and again. The log of the worker says more."""

    code = "fault"


Intakes = dict[str, BusWorkspace]
"""Workspaces by their token of subjects; "" without one."""


class IntakePass:
    """One process's work, on one event loop; its database connection holds the lock."""

    def __init__(
        self,
        bus: NatsSettings,
        connection: Connection,
        sessions: async_sessionmaker[AsyncSession],
        stop: threading.Event = polling.stopping,
    ) -> None:
        self._bus, self._connection, self._sessions, self._stop = bus, connection, sessions, stop
        self.handled = 0
        """Messages that were handled or set aside."""
        self._consumers = set[tuple[str, str]]()
        """Stream and durable consumer of each workspace."""

    async def run(self) -> None:
        """Take in until told to stop. Raises OperationalError when the database is away."""
        thread = ConnectionThread(self._connection, _lost, "nats-inbound")
        failures = 0
        try:
            if not await thread.transaction(partial(wakeups.lead, lock=LOCK)):
                return
            while not self._stop.is_set():
                intakes, why = await thread.transaction(self._intakes)
                failure: Exception | None = Invalid(why) if why else None
                if not why:
                    before = self.handled
                    failure = await self._take_in(thread, intakes)
                    failures = 0 if self.handled > before else failures
                if failure is not None:
                    failures += 1
                    log.warning("nats.inbound_away", error=reason_of(failure), failures=failures)
                    await self._say(thread, failure)
                    await self._pause(thread, min(0.25 * 2.0**failures, LONGEST_PAUSE_S))
        finally:
            thread.close()

    def _intakes(self, connection: Connection) -> tuple[Intakes, str]:
        """Which workspaces take in, by token; or why none does."""
        sink_repository.sink_seen(connection, NAME, [], None)
        if not self._bus.workspaces:
            first_two = bus_workspaces(connection, None, 2)
            return ({"": first_two[0]}, "") if len(first_two) == 1 else ({}, SEVERAL if first_two else "No workspace.")
        by_slug = {one.slug: one for one in bus_workspaces(connection, list(self._bus.workspaces.values()))}
        intakes = {token: by_slug[slug] for token, slug in self._bus.workspaces.items() if slug in by_slug}
        return intakes, "" if intakes else "There is none of the workspaces that NATS_WORKSPACES names."

    async def _say(self, thread: ConnectionThread, failure: Exception | None) -> None:
        if failure is None:
            await thread.transaction(partial(sink_repository.sink_works, sink=NAME))
        else:
            await thread.transaction(partial(sink_repository.sink_fails, sink=NAME, error=reason_of(failure)))

    async def _pause(self, thread: ConnectionThread, seconds: float) -> None:
        """Wait, and let the database see now and then that the process lives."""
        until = time.monotonic() + seconds
        while not self._stop.is_set() and (rest_s := until - time.monotonic()) > 0:
            await asyncio.sleep(min(rest_s, 0.5 if rest_s < SEEN_S else SEEN_S))
            await thread.transaction(self._intakes)

    async def _take_in(self, thread: ConnectionThread, intakes: Intakes) -> Exception | None:
        """Take in until the workspaces are others, or something goes wrong, which is answered."""
        client: Client | None = None
        self._consumers = set()
        tasks = list[asyncio.Task[None]]()
        try:
            client = await asyncio.wait_for(connect_nats(self._bus, "inbound"), 15)
            context = client.jetstream()
            await self._ensure_streams(context, intakes)
            for token, workspace in intakes.items():
                tasks.append(asyncio.create_task(self._follow(context, token, workspace)))
            await self._say(thread, None)
            while not self._stop.is_set():
                waiting, given_out = await self._waiting(context)
                write = partial(sink_repository.inbound_waits, sink=NAME, waiting=waiting, unacknowledged=given_out)
                await thread.transaction(write)
                done, _ = await asyncio.wait(tasks, timeout=SEEN_S, return_when=asyncio.FIRST_COMPLETED)
                if failed := next((task.exception() for task in done if task.exception()), None):
                    raise failed
                if (await thread.transaction(self._intakes))[0] != intakes:
                    break
        except psycopg.OperationalError:
            raise
        except Exception as error:
            return error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if client is not None:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(client.close(), 2)
        return None

    async def _waiting(self, context: JetStreamContext) -> tuple[int, int]:
        """How many messages wait for the consumers of the workspaces, and how many more are given out."""
        consumers = [await context.consumer_info(stream, durable) for stream, durable in self._consumers]
        return sum(one.num_pending or 0 for one in consumers), sum(one.num_ack_pending or 0 for one in consumers)

    async def _ensure_streams(self, context: JetStreamContext, intakes: Intakes) -> None:
        await ensure_stream(context, STREAM, subscribed_subjects(self._bus, list(intakes)))
        await ensure_stream(context, DEAD_STREAM, [f"{DEAD}.>"])

    async def _follow(self, context: JetStreamContext, token: str, workspace: BusWorkspace) -> None:
        """Handle what comes for a workspace, in order, until cancelled."""
        subject = joined_subject(self._bus.subscribe_prefix, token, ">")
        if subject == ">":
            subject = "*.>"
        stream = await _stream_of(context, subject)
        durable = f"throughline-{token}" if token else "throughline"
        try:
            await context.consumer_info(stream, durable)
        except NotFoundError:
            config = ConsumerConfig(
                durable_name=durable,
                filter_subject=subject,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_S,
                max_deliver=-1,
                max_ack_pending=MOST_PENDING,
            )
            await context.add_consumer(stream, config)
        self._consumers.add((stream, durable))
        subscription = await context.pull_subscribe_bind(durable=durable, stream=stream)
        while not self._stop.is_set():
            try:
                messages = await subscription.fetch(BATCH, timeout=FETCH_S)
            except NatsTimeout:
                continue
            await self._handle(context, token, workspace, messages)

    async def _handle(
        self, context: JetStreamContext, token: str, workspace: BusWorkspace, messages: Sequence[Msg]
    ) -> None:
        """Handle them together; where that breaks, each by itself."""
        own = [one for one in messages if (one.headers or {}).get(ORIGIN) == settings().web.base_url]
        others = [one for one in messages if one not in own]
        for message in own:
            await message.ack()
        try:
            await self._settle(context, token, workspace, others)
        except WorkspaceBusy:
            for message in others:
                await message.nak(delay=2)
        except Exception as error:
            if _is_away(error) or len(others) == 1:
                await self._stumbled(context, others, error)
                return
            log.warning("nats.batch_split", tenant_id=workspace.tenant_id, error=type(error).__name__)
            for message in others:
                await self._handle(context, token, workspace, [message])

    async def _settle(
        self, context: JetStreamContext, token: str, workspace: BusWorkspace, messages: Sequence[Msg]
    ) -> None:
        if not messages:
            return
        skipped = len(joined_subject(self._bus.subscribe_prefix, token, "x")) - 1
        read = [BusMessage(message_id(one), one.subject[skipped:], one.data) for one in messages]
        session = self._sessions()
        scope_to(session, workspace.tenant_id)
        async with database.committed(session):
            refused: Refusals = await handle_messages(session, workspace, read)
        for message, known in zip(messages, read, strict=True):
            if known.id in refused:
                await set_aside(context, message, refused[known.id])
            await message.ack()
            self.handled += 1

    async def _stumbled(self, context: JetStreamContext, messages: Sequence[Msg], error: Exception) -> None:
        """The database is away: all come again. Or the program broke on this one message, which comes again a few times."""
        for message in messages:
            tries = message.metadata.num_delivered
            if not _is_away(error) and tries >= MOST_TRIES:
                log.error("nats.message_broke", subject=message.subject, exc_info=error)
                await set_aside(context, message, _Fault())
                await message.ack()
                self.handled += 1
            else:
                await message.nak(delay=min(2.0**tries, 60) if not _is_away(error) else 1)
        if _is_away(error):
            log.warning("nats.database_away", error=type(error).__name__)
            await asyncio.sleep(FETCH_S)


def subscribed_subjects(bus: NatsSettings, tokens: Sequence[str]) -> list[str]:
    """What the stream of messages for the product has to take."""
    if bus.subscribe_prefix:
        return [f"{bus.subscribe_prefix}.>"]
    own_tokens = sorted(token for token in tokens if token)
    return [f"{token}.>" for token in own_tokens] or ["contact.>", "segment.>", "pipeline.>"]


def message_id(message: Msg) -> str:
    """By what a message is known when it comes again: its `Nats-Msg-Id`, else its place in its stream."""
    header = (message.headers or {}).get("Nats-Msg-Id", "").replace("\0", "")[:200]
    place = message.metadata
    return header or f"{place.stream}:{place.sequence.stream}"


async def set_aside(context: JetStreamContext, message: Msg, error: AppError) -> None:
    """Put a message to the dead letters as it came, with the reason. Returns when the stream has it."""
    words = "; ".join(f"{one['path']}: {one['message']}" for one in error.errors) or error.message
    own_headers = {name: value for name, value in (message.headers or {}).items() if not name.startswith("Nats-")}
    place = message.metadata
    headers = {
        **own_headers,
        "Nats-Msg-Id": f"{place.stream}:{place.sequence.stream}",
        "Throughline-Message-Id": message_id(message),
        "Throughline-Code": error.code,
        "Throughline-Reason": " ".join(words.split())[:1_000],
    }
    await context.publish(f"{DEAD}.{message.subject}", message.data, headers=headers, timeout=5)


async def _stream_of(context: JetStreamContext, subject: str) -> str:
    try:
        return str(await context.find_stream_name_by_subject(subject))
    except NotFoundError:
        return STREAM


def _is_away(error: Exception) -> bool:
    """Is it the database that fails, and not what was sent? A deadlock is no such thing."""
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in ("40P01", "40001"):
        return False
    return isinstance(error, OperationalError | InterfaceError)


def _lost() -> Connection:
    """The lock went with the connection: somebody else may have it by now."""
    raise psycopg.OperationalError("the connection that held the lock is lost")


async def _run(bus: NatsSettings, connection: Connection) -> None:
    async with database.job_engine(DatabaseRole.WEB) as engine:
        await IntakePass(bus, connection, async_sessionmaker(engine, expire_on_commit=False)).run()


def take_in_messages(bus: NatsSettings, connect: Callable[[], Connection]) -> None:
    """Take in messages until the process ends or the database is away; return when another process does it."""
    try:
        with connect() as connection:
            asyncio.run(_run(bus, connection))
    except psycopg.OperationalError as error:
        log.warning("nats.database_away", error=type(error).__name__)
