"""Every request has a deadline: after `DEFAULT_S` its work is cancelled and answered with 503, also when the database hangs.

The time is that of the server's own work, up to the first byte of the answer. How long a client may take to send a body is
counted where bodies are read. A route whose work may take longer says so: `deadline=60` in its decorator, in seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TookTooLong
from app.lib.deadline import ends_in, extend

DEFAULT_S = 10.0
SPENT = "throughline.spent"
"""In the scope: seconds that were spent on the request before it came here, of those that it has."""


def _now() -> float:
    return asyncio.get_running_loop().time()


class RequestDeadline:
    """ASGI middleware around all that takes time."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = scope["route_handler"].opt.get("deadline", DEFAULT_S) if scope["type"] == ScopeType.HTTP else None
        if seconds is None:
            await self.app(scope, receive, send)
            return
        seconds = max(0.0, float(seconds) - cast("dict[str, Any]", scope).get(SPENT, 0.0))
        work = _Work(seconds, receive, send)
        try:
            with ends_in(seconds):
                async with asyncio.timeout(seconds) as work.limit:
                    await self.app(scope, work.receive, work.send)
        except TimeoutError:
            if not work.limit.expired() or work.answered:
                raise
            raise TookTooLong from None


class _Work:
    """One request: stops the clock while its client is slow, and for good when the answer begins."""

    limit: asyncio.Timeout

    def __init__(self, seconds: float, receive: Receive, send: Send) -> None:
        self._left, self._receive, self._send = seconds, receive, send
        self._whole = False
        self.answered = False

    async def receive(self) -> Any:
        if self._whole or self.answered:  # nothing comes any more but the end of the connection
            return await self._receive()
        end = self.limit.when()
        self._left = end - _now() if end is not None else self._left
        self.limit.reschedule(None)
        try:
            message = await self._receive()
        finally:
            self.limit.reschedule(_now() + self._left)
            extend(self._left)
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if not self.answered:
            self.answered = True
            if not self.limit.expired():
                self.limit.reschedule(None)
            extend(None)
