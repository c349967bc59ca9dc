"""`Idempotency-Key` on every POST under `/api/v1/`: the same request sent twice is done once and answered twice.

A key belongs to the principal that sent it, and an answer is looked for only after the guard has let that principal in: what
one may not ask, one may not hear again. Secrets that an answer shows once are not kept; the repeated answer has null for them.
A handler names them: `secret_answer=("key",)`, members of the answer's `data`.

The key's row is inserted in the transaction of the request itself and the answer is written to it just before the commit,
so key, answer and work become durable together or not at all: there is no instant at which a crash leaves one without the
other. PostgreSQL makes a duplicate that arrives meanwhile wait for the first one's transaction: it then reads the stored
answer, or does the work when the first was rolled back. See docs/decisions/0006-one-answer-per-idempotency-key.md and 0024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Conflict, Invalid
from app.lib import clock, crypto, database, holding
from app.models.idempotency_key import IdempotencyKey
from app.web.bodies import body_of

HEADER, REPLAYED = "idempotency-key", (b"idempotency-replayed", b"true")
SECRET_ANSWER = "secret_answer"  # noqa: S105 - the name of an option
KEPT_HOURS = 24
_WAIT_MS = 5_000
_STORED_HEADERS = (b"content-type", b"location", b"etag")


class StillRunning(Conflict):
    """The first request with this Idempotency-Key is still at work. Send it again in a few seconds for its answer."""

    code = "idempotency_in_progress"


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request. Use a new key for each thing you want done."""

    code = "idempotency_key_reused"


class Asked(NamedTuple):
    """Whose key it is. Two principals may use the same key for different things, as if the other were not there."""

    tenant_id: int
    kind: str
    id: UUID
    key: str

    @property
    def row(self) -> ColumnElement[bool]:
        """Finds the key's row."""
        return (
            (IdempotencyKey.tenant_id == self.tenant_id)
            & (IdempotencyKey.principal_kind == self.kind)
            & (IdempotencyKey.principal_id == self.id)
            & (IdempotencyKey.key == self.key)
        )

    @property
    def aad(self) -> str:
        """Answers are sealed, because they hold people; one that was put into another row does not open."""
        return f"idempotency:{self.tenant_id}:{self.kind}:{self.id}:{self.key}"


class Idempotency:
    """ASGI middleware. Outside of it `guards.Guard` has let the principal in, and `bodies.ReadsBody` has the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        if asked is None:
            await self.app(scope, receive, send)
            return
        digest = await body_of(scope).digest(start_of(scope["path"], scope.get("query_string", b"")))
        session = database.request_session(scope)
        if not await _take(session, asked, digest):
            await _replay(session, asked, digest, send)
            return
        session.sync_session.info[holding.KEY_TAKEN] = True
        await self.app(scope, receive, _Answer(scope, session, asked, digest, send).send)


def start_of(path: str, query: bytes) -> bytes:
    """What is hashed before the body: the same body sent elsewhere is another request."""
    return f"{path}?".encode() + query + b"\n"


def _asked(scope: Scope) -> Asked | None:
    if scope["type"] != ScopeType.HTTP or scope["method"] != "POST" or not scope["path"].startswith("/api/v1/"):
        return None
    connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
    key, principal = connection.headers.get(HEADER), cast("Any", scope.get("user"))
    if key is None or principal is None:
        return None
    if not 1 <= len(key) <= 200 or not key.isprintable():
        message = "Send 1 to 200 printable characters, for example a UUID."
        raise Invalid(errors=[{"path": "Idempotency-Key", "message": message}])
    return Asked(principal.tenant_id, principal.kind, principal.id, key)


class _Answer:
    """Holds the answer back until it is whole, writes it to the key's row, and lets it go: the commit comes next."""

    def __init__(self, scope: Scope, session: AsyncSession, asked: Asked, digest: bytes, send: Send) -> None:
        self._scope, self._session, self._asked, self._send = scope, session, asked, send
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
            database.allow_error_response(self._scope)
            raise
        await self._send(start)
        await self._send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))

    async def _write(self, start: Any, content: bytes) -> None:
        kept = without_secrets(content, self._scope["route_handler"].opt.get(SECRET_ANSWER, ()))
        if not self._session.sync_session.info.get(holding.KEY_TAKEN, False) and not await _take(
            self._session, self._asked, self._digest
        ):
            # The connection was given back before the work, and a copy of this request was faster: its work stands.
            raise StillRunning(retry_after=1)
        await self._session.execute(
            update(IdempotencyKey)
            .where(self._asked.row)
            .values(
                status_code=start["status"],
                headers=_stored_headers(start["headers"]),
                body=crypto.seal(kept, self._asked.aad),
            )
        )


def without_secrets(content: bytes, members: Sequence[str]) -> bytes:
    """The answer `content` with null for those members of its `data` that are shown once and kept nowhere."""
    if not members:
        return content
    answer = msgspec.json.decode(content)
    answer["data"].update(dict.fromkeys(members))
    return msgspec.json.encode(answer)


async def _take(session: AsyncSession, asked: Asked, digest: bytes) -> bool:
    """Put the key's row in place, in the request's transaction. False when an answer is there; waits for one under way."""
    await session.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))
    made = insert(IdempotencyKey).values(
        tenant_id=asked.tenant_id,
        principal_kind=asked.kind,
        principal_id=asked.id,
        key=asked.key,
        request_hash=digest,
        status_code=None,
        headers={},
        body=None,
        created_at=clock.now(),
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


async def _replay(session: AsyncSession, asked: Asked, digest: bytes, send: Send) -> None:
    row = (await session.execute(select(IdempotencyKey).where(asked.row))).scalar_one()
    if row.request_hash != digest:
        raise KeyReused(errors=[{"path": "Idempotency-Key", "message": "This key belongs to another request."}])
    try:
        content = crypto.unseal(row.body or b"", asked.aad)
    except crypto.Unreadable as error:
        raise Conflict(
            "This was done, but its answer can no longer be read: the server's secret key changed."
        ) from error
    headers = [(name.encode(), value.encode()) for name, value in row.headers.items()]
    headers += [(b"content-length", str(len(content)).encode()), REPLAYED]
    await send(cast("Any", {"type": "http.response.start", "status": row.status_code, "headers": headers}))
    await send(cast("Any", {"type": "http.response.body", "body": content, "more_body": False}))


def _stored_headers(headers: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers if name.lower() in _STORED_HEADERS}


async def reseal(session: AsyncSession) -> int:
    """Seal answers again, with the present secret key, that an old one sealed. Returns how many."""
    rows = await session.scalars(
        select(IdempotencyKey)
        .where(
            IdempotencyKey.body.is_not(None),
            func.substring(IdempotencyKey.body, 1, len(crypto.present_mark())) != crypto.present_mark(),
        )
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in rows:
        asked = Asked(row.tenant_id, row.principal_kind, row.principal_id, row.key)
        try:
            row.body = crypto.seal(crypto.unseal(row.body or b"", asked.aad), asked.aad)
        except crypto.Unreadable:
            continue
        count += 1
    await session.flush()
    return count


async def forget_old(session: AsyncSession) -> None:
    """Drop answers that are older than a day. The scheduler calls it."""
    hours = text(f"clock_now() - interval '{KEPT_HOURS} hours'")
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < hours))
