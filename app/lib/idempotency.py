"""`Idempotency-Key` on every POST under `/api/v1/`: the same request sent twice is done once and answered twice.

The key's row is inserted in the transaction of the request itself and the answer is written to it just before the commit,
so key, answer and work become durable together or not at all: there is no instant at which a crash leaves one without the
other. PostgreSQL makes a duplicate that arrives meanwhile wait for the first one's transaction: it then reads the stored
answer, or does the work when the first was rolled back. See docs/decisions/0006-one-answer-per-idempotency-key.md.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Conflict, Invalid
from app.lib import clock, crypto, database
from app.models.idempotency_key import IdempotencyKey

HEADER, REPLAYED = "idempotency-key", (b"idempotency-replayed", b"true")
KEPT_HOURS = 24
_WAIT_MS = 5_000
_STORED_HEADERS = (b"content-type", b"location", b"etag")


class StillRunning(Conflict):
    """The first request with this Idempotency-Key is still at work. Send it again in a few seconds for its answer."""

    code = "idempotency_in_progress"


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request. Use a new key for each thing you want done."""

    code = "idempotency_key_reused"


class Idempotency:
    """ASGI middleware, inside `Authentication`: keys belong to a workspace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        body = _Body(scope, receive)
        session = database.request_session(scope)
        tenant_id: int = cast("Any", scope["user"]).tenant_id
        if not await _take(session, tenant_id, key):
            await _replay(session, tenant_id, key, await body.digest(), send)
            return
        await self.app(scope, body.receive, _Answer(scope, session, tenant_id, key, body, send).send)

    def _key(self, scope: Scope) -> str | None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST" or not scope["path"].startswith("/api/v1/"):
            return None
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        key = connection.headers.get(HEADER)
        if key is None or scope.get("user") is None:
            return None
        if not 1 <= len(key) <= 200 or not key.isprintable():
            message = "Send 1 to 200 printable characters, for example a UUID."
            raise Invalid(errors=[{"path": "Idempotency-Key", "message": message}])
        return key


class _Body:
    """Passes the request body on and hashes it on the way, so that a large import is never held in memory."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        start = f"{scope['path']}?".encode() + scope.get("query_string", b"") + b"\n"
        self._hash, self._receive, self._done = hashlib.sha256(start), receive, False

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request":
            self._hash.update(message.get("body", b""))
            self._done = not message.get("more_body", False)
        else:
            self._done = True
        return message

    async def digest(self) -> bytes:
        """The hash of path, query and whole body; reads what the handler left unread."""
        while not self._done:
            await self.receive()
        return self._hash.digest()


class _Answer:
    """Holds the answer back until it is whole, writes it to the key's row, and lets it go: the commit comes next."""

    def __init__(self, scope: Scope, session: AsyncSession, tenant_id: int, key: str, body: _Body, send: Send) -> None:
        self._scope, self._session, self._body, self._send = scope, session, body, send
        self._tenant_id, self._key = tenant_id, key
        self._start: Any = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and 200 <= message["status"] < 400:
            self._start = message
            return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        start, self._start, content = self._start, None, b"".join(self._parts)
        try:
            await self._write(start, content)
        except Exception:
            database.nothing_was_sent(self._scope)
            raise
        await self._send(start)
        await self._send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))

    async def _write(self, start: Any, content: bytes) -> None:
        await self._session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.tenant_id == self._tenant_id, IdempotencyKey.key == self._key)
            .values(
                request_hash=await self._body.digest(),
                status_code=start["status"],
                headers=_stored_headers(start["headers"]),
                body=crypto.seal(content, _aad(self._tenant_id, self._key)),
            )
        )


async def _take(session: AsyncSession, tenant_id: int, key: str) -> bool:
    """Put the key's row in place, in the request's transaction. False when an answer is there; waits for one under way."""
    await session.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))
    now = clock.now()
    made = insert(IdempotencyKey).values(
        tenant_id=tenant_id, key=key, request_hash=b"", status_code=None, headers={}, body=None, created_at=now
    )
    try:
        taken = await session.scalar(made.on_conflict_do_nothing().returning(IdempotencyKey.key))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        await session.rollback()
        raise StillRunning(retry_after=max(1, _WAIT_MS // 1000)) from error
    await session.execute(text("SET LOCAL lock_timeout = 0"))
    return taken is not None


async def _replay(session: AsyncSession, tenant_id: int, key: str, digest: bytes, send: Send) -> None:
    row = (
        await session.execute(
            select(IdempotencyKey).where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
        )
    ).scalar_one()
    if row.request_hash != digest:
        raise KeyReused(errors=[{"path": "Idempotency-Key", "message": "This key belongs to another request."}])
    try:
        content = crypto.unseal(row.body or b"", _aad(tenant_id, key))
    except crypto.Unreadable as error:
        raise Conflict(
            "This was done, but its answer can no longer be read: the server's secret key changed."
        ) from error
    headers = [(name.encode(), value.encode()) for name, value in row.headers.items()]
    headers += [(b"content-length", str(len(content)).encode()), REPLAYED]
    await send(cast("Any", {"type": "http.response.start", "status": row.status_code, "headers": headers}))
    await send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))


def _aad(tenant_id: int, key: str) -> str:
    """Answers are sealed: the one to `POST /api-keys` holds a secret, others hold people."""
    return f"idempotency:{tenant_id}:{key}"


def _stored_headers(headers: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers if name.lower() in _STORED_HEADERS}


async def forget_old(session: AsyncSession) -> None:
    """Drop answers that are older than a day. The scheduler calls it."""
    hours = text(f"clock_now() - interval '{KEPT_HOURS} hours'")
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < hours))
