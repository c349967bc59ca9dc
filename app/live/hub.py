"""The hub of a web process: reads what happened for all its open streams together, and hands it out.

It works while streams are open, on two connections: one hears the bell, one reads. Neither is a request's, and no stream waits for the
database itself. When the database is away the streams stay open, and go on where they were when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from types import FrameType

import psycopg
import structlog
from prometheus_client import Gauge

from app.accounts.standing_repository import Standing
from app.errors import TooMany
from app.lib import database
from app.lib.deadline import BoundedConnection
from app.live import live_repository
from app.live.event_watch import EventWatches
from app.live.events import HEARTBEAT
from app.live.feeds import WorkspaceFeeds
from app.live.presence import Presence
from app.live.run_watch import RunWatches
from app.live.stream import LiveStream
from app.settings import settings
from app.web.request_metrics import REGISTRY

log = structlog.get_logger()
MOST_STREAMS, MOST_OF_WORKSPACE, MOST_OF_ASKER = 2_000, 1_000, 250
"""Open streams of one web process, of one workspace in it, and of one key or person: a program that opens them in a loop takes a
quarter of what its workspace has, and its colleagues' pages go on moving."""
LOOK_S, SOONEST_S = 2.0, 0.1
"""How often the hub looks when no bell rings, and how soon it looks again when many do."""
BEAT_S = 15.0
"""Between heart-beats, which proxies and clients know by that the other end is there; who asks is looked at again just as often."""
IDLE_S = 30.0
"""After so long without a stream the connections are given back."""
AWAY_S, LONGEST_AWAY_S = 0.5, 5.0
STREAMS = Gauge("throughline_live_streams", "Open streams of live events.", registry=REGISTRY)


class TooManyStreams(TooMany):
    """Too many streams are open already. Close one, or try again later."""

    code = "too_many_streams"


class LiveHub:
    """Streams of one web process. `standing` says who may still listen."""

    def __init__(
        self,
        standing: Callable[[Iterable[LiveStream]], Awaitable[list[LiveStream]]],
        connect: Callable[[str], Awaitable[BoundedConnection]] = database.connect_async,
    ) -> None:
        self.streams: set[LiveStream] = set()
        self._standing, self._connect = standing, connect
        self.presence = Presence(lambda: settings().redis.url)
        self._feeds, self._watches, self._awaited = WorkspaceFeeds(), RunWatches(), EventWatches()
        self._bell = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.looks = 0
        """How often it has read."""

    def check_room(self, stream: LiveStream) -> None:
        """Raises TooManyStreams when one more is too many."""
        of_workspace = sum(one.tenant_id == stream.tenant_id for one in self.streams)
        of_asker = sum(one.principal.id == stream.principal.id for one in self.streams)
        full = len(self.streams) >= MOST_STREAMS or of_workspace >= MOST_OF_WORKSPACE or of_asker >= MOST_OF_ASKER
        if full or self._stopping:
            raise TooManyStreams(headers={"Retry-After": "5"})

    def join(self, stream: LiveStream) -> None:
        """A stream begins."""
        self.streams.add(stream)
        STREAMS.set(len(self.streams))
        if stream.tab:
            self.presence.join(stream)
        if self._stopping:
            stream.end("stopping")
        self._since_idle = None
        # Each by itself: those of an idle hub end one after the other, the beat up to fifteen seconds behind the reader.
        for name, work in (("hear", self._hear), ("read", self._read), ("beat", self._beat)):
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = asyncio.create_task(work())
        self._bell.set()

    def leave(self, stream: LiveStream) -> None:
        """A stream is over."""
        self.streams.discard(stream)
        STREAMS.set(len(self.streams))
        if stream.tab:
            self.presence.leave(stream)

    async def stop_by_signal(self) -> None:
        """Stop as soon as this process is told to end: the server waits for open answers before it says so to the application.

        Only where somebody handles the signal already, which goes on as it was: event loops hear of signals by a file of their own.
        """
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            return

        def on_signal(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._stop_soon)
            before(number, frame)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)

    def _stop_soon(self) -> None:
        self._tasks["stop"] = asyncio.ensure_future(self.stop())

    async def stop(self) -> None:
        """The process ends: all streams do, so that nobody waits for them."""
        self._stopping = True
        for stream in list(self.streams):
            stream.end("stopping")
        for task in self._tasks.values():
            if task is not asyncio.current_task():
                task.cancel()
        for _ in range(50):
            if not self.streams:
                break
            await asyncio.sleep(0.02)
        await self.presence.stop()

    # The tasks ----------------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        """Hear the bell, until the hub is idle. Without it the hub looks by itself."""

        async def hear(connection: BoundedConnection) -> None:
            await live_repository.ring(connection)
            while not self._idle():
                async for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                    self._bell.set()

        await self._work("live bell", hear)

    async def _read(self) -> None:
        """Look when the bell rings, and now and then, until the hub is idle."""

        async def read(connection: BoundedConnection) -> None:
            while not self._idle():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._bell.wait()
                self._bell.clear()
                await self._look(connection)
                await asyncio.sleep(SOONEST_S)

        await self._work("live", read)

    async def _look(self, connection: BoundedConnection) -> None:
        self.looks += 1
        streams = [stream for stream in self.streams if not stream.ended_by]
        of_events = [stream for stream in streams if stream.topic.events]
        streams = [stream for stream in streams if not stream.topic.events]
        await self._feeds.look(connection, [stream for stream in streams if stream.topic.run_id is None])
        await self._watches.look(connection, [stream for stream in streams if stream.topic.run_id is not None])
        await self._awaited.look(connection, of_events)  # last: what it costs or where it fails is nobody else's

    async def _beat(self) -> None:
        while not self._idle():
            await asyncio.sleep(BEAT_S)
            await self.beat()

    async def beat(self) -> None:
        """A heart-beat for all, and the end for those who may listen no more, or whose last write nobody reads."""
        for stream in list(self.streams):
            if stream.is_stuck:
                stream.cut()
                self.leave(stream)
            stream.put([self._feeds.heartbeat(stream) if stream.topic.run_id is None else HEARTBEAT])
        try:
            for stream in await self._standing(list(self.streams)):
                stream.end("signed_out")
        except Exception as error:  # the database is away; who is still allowed is asked again with the next beat
            log.warning("live.standing_unknown", error=type(error).__name__)

    async def _work(self, purpose: str, work: Callable[[BoundedConnection], Awaitable[None]]) -> None:
        """Work on a connection of its own, and on another one when that is lost."""
        pause = AWAY_S
        while not self._idle():
            connection = None
            try:
                connection = await self._connect(purpose)
                pause = AWAY_S
                await work(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("live.database_away", doing=purpose, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_AWAY_S)
            finally:
                if connection is not None:
                    await connection.close()

    _since_idle: float | None = None

    def _idle(self) -> bool:
        """Is nobody here, and was nobody for a while?"""
        now = time.monotonic()
        if self.streams:
            self._since_idle = None
        elif self._since_idle is None:
            self._since_idle = now
        return self._stopping or (self._since_idle is not None and now - self._since_idle > IDLE_S)


async def no_longer_standing(streams: Iterable[LiveStream]) -> list[LiveStream]:
    """Streams whose key was revoked, changed or is over, and whose session ended, moved to another workspace, or lost its role."""
    streams = list(streams)
    standing = await Standing.of(Counter(stream.principal for stream in streams))
    return [stream for stream in streams if not standing.holds(stream.principal)]
