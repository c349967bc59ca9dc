"""The answer that stays open: what the routes of the API and those of pages have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from litestar.response import Stream

from app.accounts.deps import AppRequest
from app.live.events import known_place
from app.live.hub import LiveHub
from app.live.stream import LiveStream, Topic

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
"""Proxies neither keep it nor gather it."""
RETRY_MS = 2_000


def open_stream(request: AppRequest, topic: Topic, tab: str = "") -> Stream:
    """Answer with what happens from now on, or from where the client was. Raises TooManyStreams."""
    hub: LiveHub = request.app.state["live"]
    last_event_id = request.headers.get("last-event-id", "")
    stream = LiveStream(request.user, topic, place=known_place(last_event_id), token=last_event_id, tab=tab)
    hub.check_room(stream)
    return Stream(_body(hub, stream), media_type=MEDIA_TYPE, headers=HEADERS)


async def _body(hub: LiveHub, stream: LiveStream) -> AsyncIterator[bytes]:
    hub.join(stream)
    stream.writer = asyncio.current_task()
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while (pieces := await stream.next_pieces()) is not None:
            yield pieces
        yield stream.farewell()
    finally:
        hub.leave(stream)
