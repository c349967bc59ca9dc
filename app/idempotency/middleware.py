"""The middleware of `Idempotency-Key`: answers a repeated request with what was kept, and keeps what the first was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Conflict, Invalid
from app.idempotency import repository
from app.idempotency.repository import RequestKey, StillRunning
from app.lib import crypto, held_connections
from app.web import transactions
from app.web.bodies import body_of

HEADER, REPLAYED = "idempotency-key", (b"idempotency-replayed", b"true")
SECRET_ANSWER = "secret_answer"  # noqa: S105 - the name of an option
_STORED_HEADERS = (b"content-type", b"location", b"etag")


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request. Use a new key for each thing you want done."""

    code = "idempotency_key_reused"


class Idempotency:
    """ASGI middleware. Outside of it `guards.Guard` has let the principal in, and `bodies.ReadsBody` has the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key_of(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        digest = await body_of(scope).digest(start_of(scope["path"], scope.get("query_string", b"")))
        session = transactions.request_session(scope)
        if not await repository.take(session, key, digest):
            await _replay(session, key, digest, send)
            return
        session.sync_session.info[held_connections.KEY_TAKEN] = True
        await self.app(scope, receive, _Answer(scope, session, key, digest, send).send)


def start_of(path: str, query: bytes) -> bytes:
    """What is hashed before the body: the same body sent elsewhere is another request."""
    return f"{path}?".encode() + query + b"\n"


def _key_of(scope: Scope) -> RequestKey | None:
    if scope["type"] != ScopeType.HTTP or scope["method"] != "POST" or not scope["path"].startswith("/api/v1/"):
        return None
    connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
    key, principal = connection.headers.get(HEADER), cast("Any", scope.get("user"))
    if key is None or principal is None:
        return None
    if not 1 <= len(key) <= 200 or not key.isprintable():
        message = "Send 1 to 200 printable characters, for example a UUID."
        raise Invalid(errors=[{"path": "Idempotency-Key", "message": message}])
    return RequestKey(principal.tenant_id, principal.kind, principal.id, key)


class _Answer:
    """Holds the answer back until it is whole, writes it to the key's row, and lets it go: the commit comes next."""

    def __init__(self, scope: Scope, session: AsyncSession, key: RequestKey, digest: bytes, send: Send) -> None:
        self._scope, self._session, self._key, self._send = scope, session, key, send
        self._digest = digest
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
            transactions.allow_error_response(self._scope)
            raise
        await self._send(start)
        await self._send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))

    async def _write(self, start: Any, content: bytes) -> None:
        stored_content = without_secrets(content, self._scope["route_handler"].opt.get(SECRET_ANSWER, ()))
        if not self._session.sync_session.info.get(held_connections.KEY_TAKEN, False) and not await repository.take(
            self._session, self._key, self._digest
        ):
            # The connection was given back before the work, and a copy of this request was faster: its work stands.
            raise StillRunning(retry_after=1)
        headers = _stored_headers(start["headers"])
        await repository.write_answer(
            self._session, self._key, status_code=start["status"], headers=headers, content=stored_content
        )


def without_secrets(content: bytes, members: Sequence[str]) -> bytes:
    """The answer `content` with null for those members of its `data` that are shown once and kept nowhere."""
    if not members:
        return content
    answer = msgspec.json.decode(content)
    answer["data"].update(dict.fromkeys(members))
    return msgspec.json.encode(answer)


async def _replay(session: AsyncSession, key: RequestKey, digest: bytes, send: Send) -> None:
    row = await repository.stored(session, key)
    if row.request_hash != digest:
        raise KeyReused(errors=[{"path": "Idempotency-Key", "message": "This key belongs to another request."}])
    try:
        content = crypto.unseal(row.body or b"", key.aad)
    except crypto.CannotUnseal as error:
        raise Conflict(
            "This was done, but its answer can no longer be read: the server's secret key changed."
        ) from error
    headers = [(name.encode(), value.encode()) for name, value in row.headers.items()]
    headers += [(b"content-length", str(len(content)).encode()), REPLAYED]
    await send(cast("Any", {"type": "http.response.start", "status": row.status_code, "headers": headers}))
    await send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))


def _stored_headers(headers: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers if name.lower() in _STORED_HEADERS}
