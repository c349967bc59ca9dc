"""Request bodies are read whole before anything asks the database: in memory up to 1 MB, above that in a file without a name.

So a client that sends slowly holds a socket and nothing else. It has `body_seconds` to begin with, must then send
`body_rate` bytes a second on average, and is told with 408 when it does not. Who may not enter is turned away before
(`guards.Guard`), and nothing of the body is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from app.errors import AppError, BadRequest, DiskFull, TooLarge
from app.lib.formats import size
from app.lib.held_connections import outside_call
from app.lib.translation import gettext
from app.settings import settings

IN_MEMORY = 1_000_000
PIECE = 262_144
PUBLIC_LIMIT = 16_384
"""Bytes of a body that a stranger may send: a sign-in form, an answer to an unsubscribe page."""
TAKES_BYTES = "takes_bytes"
"""The option of a public route whose callers send more: programs that know a secret address."""
LONGEST_SECONDS = 900.0
"""However much has come: the largest file, 64 MB, then needs 71 kB a second."""
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_SCOPE = "throughline.body"


class TooSlow(AppError):
    """The request came too slowly and was cut off; nothing was changed. Send it again over a faster connection."""

    status_code = 408
    code = "request_timeout"


class IncompleteBody(BadRequest):
    """The request ended before all of it was there; nothing was changed. Send it again."""

    code = "incomplete_body"


class RequestBody:
    """A request body that has arrived."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._file: Any = None

    async def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._pieces.append(piece)
        if (self.size > IN_MEMORY) if self._file is None else sum(map(len, self._pieces)) >= PIECE:
            await self._spill()

    async def _spill(self) -> None:
        pieces, self._pieces = self._pieces, []
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(tempfile.TemporaryFile)
            await asyncio.to_thread(self._file.write, b"".join(pieces))
        except OSError as error:
            raise DiskFull from error

    async def whole(self) -> None:
        """Nothing more will come."""
        if self._file is not None:
            await self._spill()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body from its beginning, as often as asked for, by one reader at a time."""
        if self._file is None:
            for piece in self._pieces:
                yield piece
            return
        at = 0
        while piece := await asyncio.to_thread(self._read, at):
            at += len(piece)
            yield piece

    def _read(self, at: int) -> bytes:
        self._file.seek(at)
        return cast("bytes", self._file.read(PIECE))

    def in_memory(self) -> bytes:
        """The whole of a body of at most IN_MEMORY bytes."""
        assert self._file is None  # noqa: S101  whoever asks has bounded it
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    async def digest(self, start: bytes) -> bytes:
        """SHA-256 of `start` and the body."""
        hasher = hashlib.sha256(start)
        async for piece in self.pieces():
            hasher.update(piece)
        return hasher.digest()

    def replay(self, receive: Receive) -> Receive:
        """What the application receives: this body, and after it what the server says, which is that the client went away."""
        pieces = self.pieces()
        exhausted = False

        async def replayed() -> HTTPReceiveMessage:
            nonlocal exhausted
            if exhausted:
                return cast("HTTPReceiveMessage", await receive())
            piece = await anext(pieces, None)
            exhausted = piece is None
            return {"type": "http.request", "body": piece or b"", "more_body": not exhausted}

        return cast("Receive", replayed)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def body_of(scope: Scope) -> RequestBody:
    """The body of this request; an empty one for methods that have none."""
    return cast("RequestBody", cast("dict[str, Any]", scope).get(_SCOPE) or RequestBody())


class BodyReader:
    """ASGI middleware, inside `guards.Guard` and outside all that opens a transaction."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        body = RequestBody()
        try:
            await arrive(body, receive, _limit(scope))
            cast("dict[str, Any]", scope)[_SCOPE] = body
            await self.app(scope, body.replay(receive), send)
        finally:
            body.close()


def _limit(scope: Scope) -> int:
    """Bytes that this route takes. Raises TooLarge when the client says beforehand that it will send more."""
    handler = cast("Any", scope["route_handler"])
    most: int = handler.resolve_request_max_body_size() or settings().web.body_limit
    if handler.opt.get("public"):
        most = min(most, handler.opt.get(TAKES_BYTES, PUBLIC_LIMIT))
    announced = ASGIConnection[Any, Any, Any, Any](scope).headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    return most


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        gettext("This is larger than %(size)s, the most that is taken here. Send it in smaller parts.", size=size(most))
    )


async def arrive(body: RequestBody, receive: Receive, most: int, begun: float | None = None) -> None:
    """Fill `body` with what the client sends, at most so many bytes, since `begun`. Raises TooSlow, TooLarge, IncompleteBody."""
    limits, now = settings().web, asyncio.get_running_loop().time
    begun, more = now() if begun is None else begun, True
    while more:
        due = begun + min(limits.body_seconds + body.size / limits.body_rate, LONGEST_SECONDS)
        try:
            async with asyncio.timeout_at(due):
                with outside_call("a body from its client"):
                    message = cast("dict[str, Any]", await receive())
        except TimeoutError:
            raise TooSlow from None
        if message["type"] != "http.request":
            raise IncompleteBody
        if piece := message.get("body", b""):
            if body.size + len(piece) > most:
                raise _too_large(most)
            await body.add(piece)
        more = message.get("more_body", False)
        if more and now() > due:  # it keeps coming, a byte at a time, each of them in time
            raise TooSlow
    await body.whole()
