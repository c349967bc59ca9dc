"""The database: engines, sessions, and the only place that commits.

A request is one transaction: committed when the answer is 2xx or 3xx, rolled back otherwise. A job is one transaction
(`transaction`). The engine's hot path talks psycopg directly (`connect`) and commits its batches through `with connection.transaction()`.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.settings import settings

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
        before_send_handler="autocommit_include_redirects",
    )
