"""The database: engines, sessions, and the only place that commits.

A request is one transaction (`app.web.transactions` ends it), a job is one transaction (`transaction`). The engine's hot path talks
psycopg directly (`connect`) and commits its batches through `with connection.transaction()`. Whoever opens a connection says by which
role it works (`app.lib.database_roles`).
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
import structlog
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.lib.database_roles import DatabaseRole
from app.lib.deadline import BoundedConnection
from app.lib.held_connections import outside_call as outside_call
from app.settings import settings

log = structlog.get_logger()
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 3_000
"""How long work waits for what another session holds, before it goes on with something else."""
WEB_LOCK_TIMEOUT_MS = 8_000
"""The same for a request: shorter than its deadline, so that it can still answer."""
IDLE_IN_TRANSACTION_MS = 15_000
"""A session idle for so long inside a transaction belongs to a frozen or lost process: the server ends it and releases its locks."""
OTHER_POOLS = 3
"""Connections of a process, and one more, for each role other than that of requests: who asks is one short query a request."""
CLIENT_LIMITS: dict[str, Any] = {
    "connect_timeout": 5, "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip
"""TCP keepalive of libpq: the loss of the server's machine is noticed within some 25 s instead of minutes to hours."""


def dsn(role: DatabaseRole | None = None) -> str:
    """The libpq URL, for psycopg and the PostgreSQL tools: the one for this role when the operator has set one."""
    database = settings().database
    parts = urlsplit(database.role_urls.get(role, database.url) if role else database.url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def sqlalchemy_url(role: DatabaseRole | None = None) -> str:
    """The same database for SQLAlchemy, async and sync."""
    parts = urlsplit(dsn(role))
    query = urlencode(parse_qsl(parts.query), quote_via=quote)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg", query=query))


class _Pool(NamedTuple):
    """The connections of a process that work by one role."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]


@functools.cache
def _pools() -> dict[DatabaseRole, _Pool]:
    return {}


def _pool(role: DatabaseRole) -> _Pool:
    pools = _pools()
    if role not in pools:
        size = settings().database.pool_size
        of_requests = role is DatabaseRole.WEB
        engine = _engine(role, size if of_requests else min(size, OTHER_POOLS), overflow=4 if of_requests else 1)
        pools[role] = _Pool(engine, async_sessionmaker(engine, expire_on_commit=False))
    return pools[role]


def engine(role: DatabaseRole = DatabaseRole.OWNER) -> AsyncEngine:
    """The process's async engine for a role. Made at first use, inside the process that uses it."""
    return _pool(role).engine


async def dispose() -> None:
    """Close the connections of all engines of this process. What uses one afterwards gets a new one."""
    pools = _pools()
    while pools:
        _, pool = pools.popitem()
        await pool.engine.dispose()


@asynccontextmanager
async def job_engine(role: DatabaseRole = DatabaseRole.ENGINE) -> AsyncIterator[AsyncEngine]:
    """An engine for a job that runs an event loop of its own: connections do not travel between loops."""
    engine = _engine(role, 2)
    try:
        yield engine
    finally:
        await engine.dispose()


def probe_sessions() -> async_sessionmaker[AsyncSession]:
    """Sessions on one connection that no request can take away, for looking whether the database answers."""
    return async_sessionmaker(_engine(DatabaseRole.ENGINE, 1, overflow=0), expire_on_commit=False)


def _engine(role: DatabaseRole, pool_size: int, *, overflow: int = 4) -> AsyncEngine:
    engine = create_async_engine(
        sqlalchemy_url(role),
        pool_size=pool_size,
        max_overflow=overflow,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,  # they hold what people sent, and errors are logged
        connect_args={
            "options": _server_options(
                {"lock_timeout": WEB_LOCK_TIMEOUT_MS, "statement_timeout": STATEMENT_TIMEOUT_MS}, role
            ),
            "application_name": "throughline web",
            **CLIENT_LIMITS,
            "async_creator_fn": BoundedConnection.connect,
        },
    )
    event.listen(engine.sync_engine, "commit", check_transaction)
    event.listen(engine.sync_engine, "connect", functools.partial(_check_role_of_pooled, role))
    return engine


def _check_role_of_pooled(role: DatabaseRole, connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("select current_user")
    _check_role(role, cursor.fetchone())
    cursor.close()
    connection.rollback()


def _check_role(role: DatabaseRole | None, row: Sequence[Any] | None) -> None:
    """PgBouncer may drop what a connection asks for at its start, and policies would hold for nobody."""
    if role is not None and row is not None and row[0] != role and settings().database.roles:
        _log_lost_role(role, row[0])


@functools.cache
def _log_lost_role(role: DatabaseRole, user: str) -> None:
    """Once a process is enough."""
    log.error("database.role_not_taken", role=role.value, works_as=user)


class TransactionAborted(Exception):
    """A statement of this transaction failed and the failure was swallowed; use `begin_nested()` around what may fail."""


def check_transaction(connection: Connection) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with a silent ROLLBACK, and a client would hear of success."""
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
        raise TransactionAborted


def session_maker(role: DatabaseRole = DatabaseRole.OWNER) -> async_sessionmaker[AsyncSession]:
    """Makes sessions of the process's engine for a role."""
    return _pool(role).sessions


@asynccontextmanager
async def transaction(role: DatabaseRole = DatabaseRole.OWNER) -> AsyncIterator[AsyncSession]:
    """One unit of work of a job or command: commits at the end, rolls back when anything is raised."""
    async with session_maker(role)() as session:
        try:
            yield session
        except BaseException:
            await session.rollback()
            raise
        await commit(session)


@asynccontextmanager
async def committed(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """The same with a session of the caller's own making: committed at the end, rolled back when anything is raised, closed."""
    async with session, session.begin():
        yield session


async def commit(session: AsyncSession) -> None:
    """Make what `session` did durable. Raises TransactionAborted when one of its statements failed unnoticed."""
    await session.commit()


async def execute(session: AsyncSession, sql: str, **parameters: Any) -> Sequence[Any]:
    """Run psycopg-style SQL (`%(name)s`) in the session's transaction; answers its rows, none for a plain write."""
    connection = await session.connection()
    result = await connection.exec_driver_sql(sql, parameters)
    return result.all() if result.returns_rows else ()


def connect(
    purpose: str = "job", role: DatabaseRole | None = DatabaseRole.ENGINE, **options: Any
) -> psycopg.Connection[tuple[Any, ...]]:
    """A psycopg connection of its own for work without a request: autocommit, so that each batch opens its transaction itself.

    `purpose` is what PostgreSQL shows of it, as `throughline PURPOSE`. `role` None: it takes on none, and may do what the user may
    that workers log in as. Nothing on it waits for ever: not for a lock, not for the server, and the server does not wait for a process
    that is frozen in a transaction.
    """
    limits = {"lock_timeout": LOCK_TIMEOUT_MS, "statement_timeout": STATEMENT_TIMEOUT_MS, **options.pop("limits", {})}
    connection = psycopg.connect(
        dsn(role or DatabaseRole.ENGINE),
        autocommit=True,
        options=_server_options(limits, role),
        application_name=f"throughline {purpose}",
        prepare_threshold=2,
        **CLIENT_LIMITS,
        **options,
    )
    _check_role(role, connection.execute("select current_user").fetchone())
    return connection


async def connect_async(purpose: str, role: DatabaseRole = DatabaseRole.ENGINE) -> BoundedConnection:
    """The same on the event loop of the web process: its waits end (`app.lib.deadline`), and each statement is planned once."""
    limits = {"lock_timeout": WEB_LOCK_TIMEOUT_MS, "statement_timeout": STATEMENT_TIMEOUT_MS}
    connection = await BoundedConnection.connect(
        dsn(role),
        autocommit=True,
        options=f"{_server_options(limits, role)} -c plan_cache_mode=force_generic_plan",
        application_name=f"throughline {purpose}",
        prepare_threshold=0,
        **CLIENT_LIMITS,
    )
    _check_role(role, await (await connection.execute("select current_user")).fetchone())
    return connection


def _server_options(limits: dict[str, int], role: DatabaseRole | None) -> str:
    """For libpq: settings of the session, in milliseconds, and the role that it begins with."""
    values: dict[str, str | int] = {"timezone": "UTC", "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS}
    if role is not None and settings().database.roles:
        values["role"] = role
    return " ".join(f"-c {name}={value}" for name, value in {**values, **limits}.items())
