"""The database: engines, sessions, and the only place that commits.

A request is one transaction: committed when the answer is 2xx or 3xx, rolled back otherwise. A job is one transaction
(`transaction`). The engine's hot path talks psycopg directly (`connect`) and commits its batches through `with connection.transaction()`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
import psycopg
import structlog
from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar._utils import delete_aa_scope_state, get_aa_scope_state
from litestar.types import Message, Scope
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.settings import settings

if TYPE_CHECKING:
    from litestar.types import BeforeMessageSendHookHandler

log = structlog.get_logger()
STATEMENT_TIMEOUT_MS = 30_000


def dsn() -> str:
    """The libpq URL, for psycopg and the PostgreSQL tools."""
    parts = urlsplit(settings().database.url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def sqlalchemy_url() -> str:
    """The same database for SQLAlchemy, async and sync."""
    parts = urlsplit(dsn())
    query = urlencode(parse_qsl(parts.query), quote_via=quote)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg", query=query))


@functools.cache
def engine() -> AsyncEngine:
    """The process's async engine. Made at first use, inside the process that uses it."""
    return create_async_engine(
        sqlalchemy_url(),
        pool_size=settings().database.pool_size,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={"options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}", "connect_timeout": 5},
    )


@functools.cache
def session_maker() -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine(), expire_on_commit=False)


@asynccontextmanager
async def transaction() -> AsyncIterator[AsyncSession]:
    """One unit of work of a job or command: commits at the end, rolls back when anything is raised."""
    async with session_maker()() as session, session.begin():
        yield session


def connect(**options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    """A psycopg connection of its own for the engine: autocommit, so that each batch opens its transaction itself."""
    return psycopg.connect(
        dsn(), autocommit=True, connect_timeout=5, options="-c timezone=UTC", prepare_threshold=2, **options
    )


def litestar_config() -> SQLAlchemyAsyncConfig:
    """The session of a request, injected as `db_session`."""
    return SQLAlchemyAsyncConfig(
        engine_instance=engine(),
        session_maker=session_maker(),
        session_dependency_key="db_session",
        session_config=AsyncSessionConfig(expire_on_commit=False),
    )


@asynccontextmanager
async def own_session(scope: Scope) -> AsyncIterator[AsyncSession]:
    """A short transaction beside the one of the request, for middleware. Its connection is given back at the end."""
    config: SQLAlchemyAsyncConfig = scope["litestar_app"].state["database"]
    async with config.create_session_maker()() as session, session.begin():
        yield session


def request_session(scope: Scope) -> AsyncSession:
    """The session of this request, the one that its handler gets as `db_session`."""
    config: SQLAlchemyAsyncConfig = scope["litestar_app"].state["database"]
    return config.provide_session(scope["litestar_app"].state, scope)


_KEPT_HEADERS = (b"content-security-policy", b"x-content-type-options", b"referrer-policy", b"vary")


def commit_at_the_end(config: SQLAlchemyAsyncConfig) -> BeforeMessageSendHookHandler:
    """The hook that ends a request's transaction: commit before the first byte of a 2xx or 3xx, else roll back.

    The library's own hook hides a failed commit behind the answer that was on its way, and a client would read 202 for
    work that is gone. Here that answer is replaced by an error before anything of it is sent.
    """

    async def hook(message: Message, scope: Scope) -> None:
        state = cast("dict[str, Any]", scope)
        session: AsyncSession | None = get_aa_scope_state(scope, config.session_scope_key)
        if message["type"] == "http.response.start" and session is not None:
            try:
                if 200 <= message["status"] < 400:
                    await session.commit()
                else:
                    await session.rollback()
            except Exception as error:
                log.error("commit.failed", path=scope["path"], error=type(error).__name__, exc_info=error)
                _replace_start(message, state, away=isinstance(error, OperationalError | InterfaceError))
        elif message["type"] == "http.response.body" and _REPLACED in state:
            message["body"], state[_REPLACED] = state[_REPLACED], b""
        if session is not None and message["type"] in _END:
            delete_aa_scope_state(scope, config.session_scope_key)
            with contextlib.suppress(Exception):
                await session.close()

    return hook


_REPLACED = "throughline.replaced_body"
_END = ("http.response.start", "http.disconnect", "websocket.disconnect", "websocket.close")


def _replace_start(message: Any, scope: dict[str, Any], *, away: bool) -> None:
    text = "The database does not answer. Nothing was changed; try again in a moment."
    if not away:
        text = "This could not be saved. Nothing was changed; try again in a moment."
    status, code = (503, "unavailable") if away else (500, "internal_error")
    problem = {
        "type": f"urn:throughline:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
    }
    if scope["path"].startswith("/api/"):
        body = msgspec.json.encode({**problem, "detail": text, "success": False, "code": code, "errors": []})
        kind = b"application/problem+json"
    else:
        body, kind = text.encode(), b"text/plain; charset=utf-8"
    kept = [(name, value) for name, value in message["headers"] if name.lower() in _KEPT_HEADERS]
    message["status"] = status
    message["headers"] = [*kept, (b"content-type", kind), (b"content-length", str(len(body)).encode())]
    scope[_REPLACED] = body
