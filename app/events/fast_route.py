"""`POST /api/v1/events` before the framework, for requests about which there is nothing to decide.

A request is answered here when all of it is plain: its key was let in a moment ago, its body holds only what fits, its contacts are
there and its ids are new. Everything else goes on to the application as it came, so refusals, duplicates, new contacts, kept answers
and limits are the business of one place. It is answered after the commit, like there, with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
from litestar import Litestar
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from app.accounts.guards import access_refusal
from app.accounts.known_keys import KnownKey, KnownKeys, header_digest
from app.accounts.principal import Principal
from app.errors import AppError
from app.events.api import FAILED, PATH, ingest_of, receipts_answer, send_events
from app.events.fast_reading import PlainRequest, read_plain
from app.events.fast_store import NOT_TAKEN, FastStore, Stored
from app.events.schemas import MAX_AHEAD, EventReceipt
from app.lib import clock
from app.web import rate_limit
from app.web.bodies import IN_MEMORY, small_body
from app.web.compression import SMALLEST, ResponseCompression
from app.web.headers import security_headers, security_headers_raw
from app.web.request_deadline import SPENT
from app.web.request_metrics import REQUESTS

_JSON = frozenset((b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"))
_ODD = frozenset((b"idempotency-key", b"content-encoding", b"transfer-encoding", b"cookie", b"expect"))
"""Headers that let the application do more than to store and answer."""
_ONCE = (b"authorization", b"content-type", b"content-length")
_ANSWER = "throughline.events_answer"


class FastEvents:
    """The ASGI application of the web process: this route, and `app` for all others and for whatever is not plain."""

    def __init__(self, app: Litestar) -> None:
        self.app = app
        self.keys = KnownKeys()
        self.store = FastStore(ingest_of(app).space)
        self._compressed = ResponseCompression(_send_answer)
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
        authorization = None if scope["query_string"] else _authorization_of_plain(scope["headers"])
        if authorization is None:
            await self.app(scope, receive, send)
        elif (key := self.keys.key(digest := header_digest(authorization))) is None:
            await self._learn(digest, scope, receive, send)
        elif (again := await self._take(key, scope, receive, send)) is not None:
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

    async def _take(self, key: KnownKey, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Store and answer a plain request of a known key, or say what the application is to receive: what came already, and the rest."""
        limits = rate_limit.limits_of(self.app)
        standing = rate_limit.take_ahead(scope, limits.events, key.asker)
        if not standing.allowed:
            return receive
        try:
            body = await small_body(receive, IN_MEMORY)
        except AppError as error:
            return _failing(error)
        content = await self._store(key, body, scope)
        if content is None:
            return _replayed(body, receive)
        await self._answer(content, rate_limit.raw_headers(limits.events, standing), scope, receive, send)
        return None

    async def _store(self, key: KnownKey, body: bytes, scope: Scope) -> bytes | None:
        """The answer's content, after the commit; None when the application shall decide. It learns from the scope what was tried."""
        began = time.perf_counter()
        plain = read_plain(body, clock.now() + MAX_AHEAD)
        if plain is None or not self.store.space.has(len(plain.events), len(body)):
            return None
        try:
            outcome = await self.store.submit(key.principal, plain.events, len(body))
        except psycopg.Error as error:
            cast("dict[str, Any]", scope)[FAILED] = error
            outcome = NOT_TAKEN
        if isinstance(outcome, Stored):
            return _encode(receipts_answer(_receipts(plain, outcome), many=plain.many))
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


_encode = msgspec.json.Encoder().encode


def _authorization_of_plain(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The header that says who asks; None when anything about the headers asks for more than to store a JSON body of some size."""
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ODD or (name in _ONCE and once.setdefault(name, value) is not value):
            return None
    length = once.get(b"content-length", b"")
    if (
        not length.isdigit()
        or len(length) > 7
        or int(length) > IN_MEMORY
        or once.get(b"content-type", b"").lower() not in _JSON
    ):
        return None
    return once.get(b"authorization")


def _receipts(plain: PlainRequest, stored: Stored) -> list[EventReceipt]:
    return [
        EventReceipt(UUID(bytes=raw), contact_id, event.said_name, event.said_at or stored.now, event.said_key, False)
        for event, raw, contact_id in zip(plain.events, stored.ids, stored.contact_ids, strict=True)
    ]


def _failing(error: AppError) -> Receive:
    """For a body that did not come as it should: whoever wants to read it hears that."""

    async def receive() -> Any:
        raise error

    return cast("Receive", receive)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body, and after it what the server says."""
    first: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return first.pop() if first else await receive()

    return cast("Receive", again)


async def _send_answer(scope: Scope, _receive: Receive, send: Send) -> None:
    headers, content = cast("dict[str, Any]", scope)[_ANSWER]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
