"""Who has a workflow open, and which step is selected there. A tab is present while its stream (`/live?workflow=…&tab=…`) is open.

Each web process knows its own tabs. In Redis or Valkey they stand in a hash a workflow, whose entries are good for some seconds and are
written again and again while the tab is there: what a process that died left behind expires by itself. A message there is the bell for
the other processes. While it is away, people see who is in the same process; nothing else depends on it, and the database has no part
in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec
import redis.asyncio
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.accounts.principal import Principal
from app.lib.formats import initials, tint
from app.live.events import sse
from app.live.stream import LiveStream

log = structlog.get_logger()
CHANNEL = "presence"
MOST_TABS = 40
"""Tabs of one workflow that are shown to others: those of one process that came first, and of all that are read."""
BEAT_S, GOOD_S, KEEP_S = 6.0, 15.0, 30
"""How often the entries of a process are written again, how long one is good, and how long Valkey keeps a hash that nobody writes to."""
SOONEST_S = 0.15
"""Between two looks, however fast somebody clicks."""
AWAY_S = 5.0
_FAILURES = (RedisError, OSError, asyncio.TimeoutError)


class OpenWorkflow(NamedTuple):
    """What is open: a workflow of a workspace."""

    tenant_id: int
    workflow_id: UUID

    @property
    def key(self) -> str:
        return f"presence:{self.tenant_id}:{self.workflow_id}"


class OpenTab(msgspec.Struct, kw_only=True):
    """One tab, as Valkey holds it and as pages read it. `step`: the id of the one that is selected; "" for none."""

    tab: str
    user: str
    name: str
    initials: str
    tint: int
    step: str
    until: float = 0.0


class _Bell(msgspec.Struct, kw_only=True):
    """What processes tell each other: look at a place again; with `user` also that this tab, which may be yours, has selected `step`."""

    sender: str
    tenant: int
    workflow: UUID
    user: str = ""
    tab: str = ""
    step: str = ""


class Presence:
    """The open tabs of one web process, and what it knows of those of others. `url`: of Redis or Valkey, None without one."""

    def __init__(self, url: Callable[[], str | None]) -> None:
        self._url = url
        self._own: dict[OpenWorkflow, dict[str, LiveStream]] = {}
        self._left: dict[OpenWorkflow, set[str]] = {}
        """Entries to be deleted with the next round trip. Without one they are forgotten: they expire by themselves."""
        self._shown: dict[OpenWorkflow, bytes] = {}
        self._due: dict[OpenWorkflow, bool] = {}
        """Places to look at; True: tell other processes, because tabs of this one changed."""
        self._bell, self._tasks = asyncio.Event(), dict[str, asyncio.Task[None]]()
        self._client: Redis | None = None
        self._silent_until = 0.0
        self._sender = f"{id(self)}-{time.time_ns()}"

    def join(self, stream: LiveStream) -> None:
        """A tab is there. Of more than MOST_TABS in one workflow the others stay unseen."""
        place = _place_of(stream)
        tabs = self._own.setdefault(place, {})
        field = _field(stream)
        if field not in tabs and len(tabs) >= MOST_TABS:
            return
        tabs[field] = stream
        self._left.get(place, set()).discard(field)
        self._shown.pop(place, None)
        self._mark(place, tell=True)
        for name, work in (("look", self._look_on), ("hear", self._hear)):
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = asyncio.create_task(work())

    def leave(self, stream: LiveStream) -> None:
        """A tab is gone."""
        place, field = _place_of(stream), _field(stream)
        tabs = self._own.get(place, {})
        if tabs.get(field) is not stream:
            return  # it never was, or came back by another stream
        del tabs[field]
        self._left.setdefault(place, set()).add(field)
        if not tabs:
            del self._own[place]
            self._shown.pop(place, None)
        self._mark(place, tell=True)

    async def select(self, principal: Principal, workflow_id: UUID, tab: str, step: str) -> None:
        """A tab of this person has another step selected. Tabs that are not open, or somebody else's, are not changed."""
        bell = _Bell(
            sender=self._sender,
            tenant=principal.tenant_id,
            workflow=workflow_id,
            user=str(principal.id),
            tab=tab,
            step=step,
        )
        if self._take(bell) or (client := self._connected()) is None:
            return
        with contextlib.suppress(*_FAILURES):
            await client.publish(CHANNEL, msgspec.json.encode(bell))

    async def stop(self) -> None:
        """The process ends."""
        for task in self._tasks.values():
            task.cancel()
        if self._client is not None:
            with contextlib.suppress(*_FAILURES):
                await self._client.aclose()

    # ----------------------------------------------------------------------------------------------------------

    def _mark(self, place: OpenWorkflow, *, tell: bool) -> None:
        self._due[place] = tell or self._due.get(place, False)
        self._bell.set()

    def _take(self, bell: _Bell) -> bool:
        """Note what a tab of this process has selected. False: it is not one of this process."""
        place = OpenWorkflow(bell.tenant, bell.workflow)
        stream = self._own.get(place, {}).get(f"{bell.user}.{bell.tab}")
        if stream is None:
            return False
        if stream.step != bell.step:
            stream.step = bell.step
            self._mark(place, tell=True)
        return True

    def _connected(self) -> Redis | None:
        url = self._url()
        if url is None or time.monotonic() < self._silent_until:
            return None
        if self._client is None:
            self._client = redis.asyncio.from_url(url, socket_timeout=2.0, socket_connect_timeout=0.5)
        return self._client

    def _away(self, error: Exception) -> None:
        self._silent_until = time.monotonic() + AWAY_S
        log.warning("presence.redis_away", error=type(error).__name__)

    async def _look_on(self) -> None:
        """Look at what is due, and now and then at everything, while tabs are open."""
        beat_at = time.monotonic() + BEAT_S
        while self._own or self._due:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, beat_at - time.monotonic())):
                    await self._bell.wait()
            self._bell.clear()
            due, self._due = self._due, {}
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_S
                due = dict.fromkeys(self._own, False) | due
            for place, tell in due.items():
                await self._look(place, tell=tell)
            await asyncio.sleep(SOONEST_S)

    async def _look(self, place: OpenWorkflow, *, tell: bool) -> None:
        """Write the own tabs of a place, read those of others, and show them to the own ones where something has changed."""
        own = {field: _open_tab(stream) for field, stream in self._own.get(place, {}).items()}
        tabs = list(own.values())
        if (client := self._connected()) is not None:
            try:
                tabs += await self._exchange(client, place, own, tell=tell)
            except _FAILURES as error:
                self._away(error)
                client = None
        if client is None:
            self._left.pop(place, None)
        shown = sse("presence", {"tabs": _for_pages(tabs)})
        if place in self._own and self._shown.get(place) != shown:
            self._shown[place] = shown
            for stream in list(self._own.get(place, {}).values()):
                stream.put([shown])

    async def _exchange(
        self, client: Redis, place: OpenWorkflow, own: dict[str, OpenTab], *, tell: bool
    ) -> list[OpenTab]:
        """The tabs of other processes, as far as they are good. One round trip."""
        left, now = self._left.get(place, set()) - own.keys(), time.time()
        async with client.pipeline(transaction=False) as pipeline:
            if left:
                pipeline.hdel(place.key, *left)
            if own:
                for tab in own.values():
                    tab.until = now + GOOD_S
                pipeline.hset(place.key, mapping={field: msgspec.json.encode(tab) for field, tab in own.items()})
                pipeline.expire(place.key, KEEP_S)
            if tell:
                bell = _Bell(sender=self._sender, tenant=place.tenant_id, workflow=place.workflow_id)
                pipeline.publish(CHANNEL, msgspec.json.encode(bell))
            pipeline.hgetall(place.key)
            *_, entries = await pipeline.execute()
        others = {
            name: entry
            for field, text in entries.items()
            if (name := field.decode()) not in own and (entry := _read(text)) is not None
        }
        pending = self._left.pop(place, set()) - left  # of tabs that went meanwhile, whose entries were just written
        if place in self._own:
            pending |= {field for field, entry in others.items() if entry.until <= now}
        if pending:
            self._left[place] = pending
        return [entry for field, entry in others.items() if entry.until > now and field not in pending]

    async def _hear(self) -> None:
        """Hear the bell of other processes while tabs are open. Without it they are seen with the next beat."""
        while self._own:
            if (client := self._connected()) is None:
                await asyncio.sleep(AWAY_S)
                continue
            try:
                async with client.pubsub() as listening:
                    await listening.subscribe(CHANNEL)
                    while self._own:
                        message = await listening.get_message(ignore_subscribe_messages=True, timeout=1.0)
                        if message is not None:
                            self._heard(message["data"])
            except _FAILURES as error:
                self._away(error)

    def _heard(self, text: bytes) -> None:
        try:
            bell = msgspec.json.decode(text, type=_Bell)
        except msgspec.DecodeError:
            return
        if bell.sender == self._sender:
            return
        if bell.user:
            self._take(bell)
        elif (place := OpenWorkflow(bell.tenant, bell.workflow)) in self._own:
            self._mark(place, tell=False)


def _place_of(stream: LiveStream) -> OpenWorkflow:
    assert stream.topic.workflow_id is not None  # noqa: S101  only streams of workflows have a tab
    return OpenWorkflow(stream.tenant_id, stream.topic.workflow_id)


def _field(stream: LiveStream) -> str:
    """With the person: nobody takes the place of somebody else's tab by its name."""
    return f"{stream.principal.id}.{stream.tab}"


def _open_tab(stream: LiveStream) -> OpenTab:
    name = stream.principal.name
    return OpenTab(
        tab=stream.tab,
        user=str(stream.principal.id),
        name=name,
        initials=initials(name),
        tint=tint(name),
        step=stream.step,
    )


def _read(text: bytes) -> OpenTab | None:
    try:
        return msgspec.json.decode(text, type=OpenTab)
    except msgspec.DecodeError:
        return None


def _for_pages(tabs: Iterable[OpenTab]) -> list[dict[str, object]]:
    """In an order that does not change by itself, without what is Valkey's."""
    ordered = sorted(tabs, key=lambda one: (one.name, one.user, one.tab))[:MOST_TABS]
    return [{name: value for name, value in msgspec.to_builtins(one).items() if name != "until"} for one in ordered]
