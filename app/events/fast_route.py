"""`POST /api/v1/events` before the framework, for requests about which there is nothing to decide.

A request is answered here when all of it is plain: its key was let in a moment ago, its body holds only what fits, its contacts are
there or can be made, and its ids are new. Everything else goes on to the application as it came, so refusals, duplicates, kept
answers and limits are the business of one place. It is answered after the commit, like there, with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, cast

import psycopg
from litestar import Litestar
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from app.accounts.guards import access_refusal
from app.accounts.known_keys import KnownKey, KnownKeys, header_digest
from app.accounts.principal import Principal
from app.errors import AppError
from app.events.api import FAILED, PATH, ingest_of, send_events
from app.events.fast_reading import read_plain
from app.events.fast_statement import NOT_TAKEN
from app.events.fast_store import FastStore
from app.events.schemas import MAX_AHEAD
from app.lib import clock
from app.web import rate_limit
from app.web.bodies import IN_MEMORY
from app.web.compression import SMALLEST, ResponseCompression
from app.web.connection_close import ConnectionClose
from app.web.headers import security_headers, security_headers_raw
from app.web.request_deadline import SPENT
from app.web.request_metrics import REQUESTS
from app.web.small_bodies import SmallBodies

_JSON = frozenset((b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"))
_ODD = frozenset((b"idempotency-key", b"content-encoding", b"transfer-encoding", b"cookie", b"expect"))
"""Headers that let the application do more than to store and answer."""
_ONCE = (b"authorization", b"content-type", b"content-length")
_ANSWER = "throughline.events_answer"


class FastEvents:
    """The ASGI application of the web process: this route, and `app`, which is `framework` and what stands around it, for all others
    and for whatever is not plain."""

    def __init__(self, framework: Litestar, app: ConnectionClose) -> None:
        self.app = app
        self.keys = KnownKeys()
        self.store = FastStore(ingest_of(framework).space)
        self.framework = framework
        self._compressed = ResponseCompression(_send_answer)
        self._bodies = SmallBodies()
        self._limits = rate_limit.limits_of(framework)
        self._seconds = REQUESTS.labels("POST", PATH, "202")
        self._security = security_headers_raw()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = cast("dict[str, Any]", scope)["type"]
        if kind == "http" and scope["path"] == PATH and cast("HTTPScope", scope)["method"] == "POST":
            await self._post(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            if kind == "lifespan":
                await self.store.close()

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        self.app.forget(scope)
        plain = None if scope["query_string"] else _read_headers(scope["headers"])
        if plain is None:
            await self.app(scope, receive, send)
            return
        authorization, length = plain
        digest = header_digest(authorization)
        if (key := self.keys.key(digest)) is None:
            await self._learn(digest, scope, receive, send)
        elif (again := await self._take(key, length, scope, receive, send)) is not None:
            await self._learn(digest, scope, again, send)
        else:
            self._seconds.observe(time.perf_counter() - began)

    async def _learn(self, digest: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and remember whom it let in."""
        await self.app(scope, receive, send)
        principal = cast("Principal | None", scope.get("user"))
        if principal is not None and access_refusal(principal, send_events) is None:
            self.keys.learn(digest, principal)
        else:
            self.keys.forget(digest)

    async def _take(self, key: KnownKey, length: int, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Store and answer a plain request of a known key, or say what the application is to receive: what came already, and the rest."""
        buckets = self._limits.events
        standing = rate_limit.take_ahead(scope, buckets, key.asker)
        if not standing.allowed:
            return receive
        try:
            body = await self._bodies.read(receive, length)
        except AppError as error:
            return _failing(error)
        content = await self._store(key, body, scope)
        if content is None:
            return _replayed(body, receive)
        await self._answer(content, rate_limit.raw_headers(buckets, standing), scope, receive, send)
        return None

    async def _store(self, key: KnownKey, body: bytes, scope: Scope) -> bytes | None:
        """The answer's content, after the commit; None when the application shall decide. It learns from the scope what was tried."""
        began = time.perf_counter()
        plain = None
        if body[:1] != b"{":  # it may hold a thousand, and how many there are decides whether they may wait
            plain = read_plain(body, clock.now() + MAX_AHEAD)
            if plain is None:
                return None
        if not self.store.space.has(1 if plain is None else len(plain.events), len(body)):
            return None
        try:
            outcome = await self.store.submit(key.principal, body, plain)
        except psycopg.Error as error:
            cast("dict[str, Any]", scope)[FAILED] = error
            outcome = NOT_TAKEN
        if isinstance(outcome, bytes):
            return outcome
        if outcome.key_changed:
            self.keys.forget(key.digest)
        cast("dict[str, Any]", scope)[SPENT] = time.perf_counter() - began
        return None

    async def _answer(
        self, content: bytes, headers: list[tuple[bytes, bytes]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *headers]
        if len(content) < SMALLEST:
            await send({"type": "http.response.start", "status": 202, "headers": [*headers, *self._security]})
            await send({"type": "http.response.body", "body": content, "more_body": False})
            return

        async def secured(message: Message) -> None:
            await security_headers(message, scope)
            await send(message)

        cast("dict[str, Any]", scope).update({_ANSWER: (headers, content), "state": {}})
        await self._compressed(scope, receive, secured)


def _read_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, int] | None:
    """Who asks, and how long the body is; None when anything about the headers asks for more than to store a JSON body of some size."""
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ODD or (name in _ONCE and once.setdefault(name, value) is not value):
            return None
    authorization, length = once.get(b"authorization"), once.get(b"content-length", b"")
    if (
        authorization is None
        or not length.isdigit()
        or len(length) > 7
        or int(length) > IN_MEMORY
        or once.get(b"content-type", b"").lower() not in _JSON
    ):
        return None
    return authorization, int(length)


def _failing(error: AppError) -> Receive:
    """For a body that did not come as it should: whoever wants to read it hears that."""

    async def receive() -> Any:
        raise error

    return cast("Receive", receive)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body, and after it what the server says; that the body is over it may still say, and nobody wants to hear it again."""
    first: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        if first:
            return first.pop()
        message: Any = await receive()
        return await receive() if message["type"] == "http.request" and not message.get("body") else message

    return cast("Receive", again)


async def _send_answer(scope: Scope, _receive: Receive, send: Send) -> None:
    headers, content = cast("dict[str, Any]", scope)[_ANSWER]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
