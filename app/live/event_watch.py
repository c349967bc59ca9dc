"""Streams that wait for events of some names to come in: of the panel of a trigger. Nobody writes anything down for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from app.lib.deadline import BoundedConnection
from app.live import live_repository
from app.live.events import sse
from app.live.stream import LiveStream

_Place = tuple[int, str]
SOONEST_S = 1.0
"""Between two looks, however many events come in."""


class EventWatches:
    """What the streams of one process know of the events that they wait for: the newest of each name."""

    def __init__(self) -> None:
        self._known: dict[_Place, Sequence[UUID]] = {}
        self._at = 0.0

    async def look(self, connection: BoundedConnection, streams: Sequence[LiveStream]) -> None:
        """Hint at what came in since the last look: one statement for all names that somebody waits for, none where nobody does."""
        places = {(stream.tenant_id, name) for stream in streams for name in stream.topic.events}
        if not places:
            self._known = {}
            return
        now = time.monotonic()
        if now - self._at < SOONEST_S and not any(stream.fresh for stream in streams):
            return
        self._at = now
        current = await live_repository.newest_events(connection, sorted(places))
        moved = {place for place in places if current.get(place) != self._known.get(place)}
        self._known = current
        for stream in streams:
            if stream.fresh or any((stream.tenant_id, name) in moved for name in stream.topic.events):
                stream.put([sse("changed", {})])
            stream.fresh = False
