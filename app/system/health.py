"""Is the product fit to serve? Each part answers for itself; only the database and its schema can say no.

Without Redis, worker or scheduler pages and API still work and nothing is lost: that is `degraded`.
A `Probe` answers within a second whatever hangs: it has a connection of its own, looks once for all who ask at the same time,
and says "does not answer" of what has not answered by then.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import msgspec
import redis
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.types.json import Jsonb
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import database, disk, jobs, outage
from app.lib.deadline import ends_in
from app.lib.formats import duration
from app.lib.heartbeat import BEAT, DEAD_AFTER_S, EVERY_S
from app.lib.months import FEWEST_AHEAD
from app.retention import months
from app.settings import settings
from app.system import repository
from app.troubles.schemas import TroubleSummary
from app.web import client_address

State = Literal["ok", "degraded", "down"]
_ROOT = Path(__file__).parents[2]
ANSWER_S = 0.8
"""After so long the answer goes out with what is known."""
LOOK_S = 3.0
"""After so long a look is given up and its connection hung up, so that the next one starts afresh."""


class Check(msgspec.Struct, rename="camel", omit_defaults=True):
    """One part: its state, and a sentence when it is not well."""

    status: Literal["ok", "off", "down"]
    detail: str = ""
    age_seconds: float | None = None


class Health(msgspec.Struct, rename="camel"):
    """`troubles`: work that does not move, though the parts live."""

    status: State
    checks: dict[str, Check]
    troubles: list[TroubleSummary] = []


Troubles = Callable[[AsyncSession], Awaitable[list[TroubleSummary]]]


@functools.cache
def head() -> str | None:
    """The newest migration that this code brings along."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


class HealthProbe:
    """The health of one web process. `sessions` makes sessions that share no connection with requests; `troubles` finds what
    stands still, and is known from the look before when it has not answered yet."""

    def __init__(self, sessions: Callable[[], AsyncSession], troubles: Troubles) -> None:
        self._sessions, self._find_troubles = sessions, troubles
        self._troubles: list[TroubleSummary] = []
        self._look: asyncio.Task[None] | None = None
        self._checks: dict[str, Check] = {}
        self._wrote = -float(EVERY_S)

    async def ask(self) -> Health:
        """How every part is. Never raises, and answers within a second."""
        if self._look is None or self._look.done():
            self._checks = {}
            self._look = asyncio.create_task(self._examine(self._checks))
        checks = self._checks
        await asyncio.wait({self._look}, timeout=ANSWER_S)
        return verdict(dict(checks), self._troubles)

    async def _examine(self, checks: dict[str, Check]) -> None:
        await asyncio.gather(self._ask_database(checks), _in_thread(checks, "redis", _redis), _disk(checks))

    async def _ask_database(self, checks: dict[str, Check]) -> None:
        wrote = self._wrote
        try:
            with ends_in(LOOK_S):
                async with asyncio.timeout(LOOK_S), database.committed(self._sessions()) as session:
                    await examine(session, checks)
                    if checks["migrations"].status == "ok" and time.monotonic() - self._wrote >= EVERY_S:
                        await _write(session)
                        wrote = time.monotonic()
                    if checks["migrations"].status == "ok":
                        self._troubles = await self._find_troubles(session)
            self._wrote = wrote
        except Exception as error:
            checks["database"] = _away(error)


def verdict(checks: dict[str, Check], troubles: list[TroubleSummary]) -> Health:
    """What the parts say together; one that has not answered is down."""
    checks.setdefault("database", _away(None))
    checks.setdefault("redis", _REDIS_DOWN)
    if hint := client_address.untrusted_proxy():
        checks["proxy"] = Check(
            "ok", hint
        )  # a hint and no fault: a stranger beside us must not make the product look ill
    fit = all(checks.get(name, Check("down")).status == "ok" for name in ("database", "migrations"))
    # A warning is told; what stands still is a fault.
    still = any(trouble.severity == "danger" for trouble in troubles)
    well = not still and all(check.status == "ok" for check in checks.values())
    return Health("ok" if fit and well else "degraded" if fit else "down", checks, troubles)


def _away(error: BaseException | None) -> Check:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlstate", None) == "53100":
        return Check("down", "The database has no room left on its disk.")
    if getattr(cause, "sqlstate", None) == "25006":
        return Check("down", "The database takes no writes.")
    return Check("down", outage.sentence() or "The database does not answer.")


async def _write(session: AsyncSession) -> None:
    """A database that can be read and not be written is of no use. The row is the sign of life of this process."""
    process = f"web:{socket.gethostname()}:{os.getpid()}"
    connection = await session.connection()
    await connection.exec_driver_sql(BEAT, (process, "web", Jsonb({})))


async def _in_thread(checks: dict[str, Check], name: str, look: Callable[[], Check]) -> None:
    checks[name] = await asyncio.to_thread(look)


async def _disk(checks: dict[str, Check]) -> None:
    """The disk under a database of our own. Who runs PostgreSQL elsewhere watches its disk there."""
    if settings().local:
        await _in_thread(checks, "disk", _room)


def _room() -> Check:
    try:
        room = disk.room()
    except OSError as error:
        return Check("down", f"The disk cannot be looked at: {os.strerror(error.errno or errno.EIO)}.")
    return Check("down", room.words) if room.state == "full" else Check("ok")


async def examine(session: AsyncSession, checks: dict[str, Check]) -> None:
    """Add what the database knows to `checks`."""
    checks.update(await _database(session))


async def _database(session: AsyncSession) -> dict[str, Check]:
    checks: dict[str, Check] = {}
    schema = await repository.schema_version(session)
    checks["database"] = Check("ok")
    if schema != head():
        checks["migrations"] = Check("down", "The schema does not fit this version. Run ./dev migrate.")
        return checks
    checks["migrations"] = Check("ok")
    heartbeats = await repository.heartbeats(session)
    for kind in ("worker", "scheduler"):
        checks[kind] = _pulse(kind, heartbeats[kind][1] if kind in heartbeats else None)
    checks["connectors"] = await _connectors(session)
    checks["months"] = _months(months.months_ahead(await repository.ends_of_months(session)))
    return checks


def _months(ahead: int) -> Check:
    """Tables that are kept by month: long before one is missing, somebody should look why nobody makes it."""
    if ahead >= FEWEST_AHEAD:
        return Check("ok")
    if ahead < 0:
        return Check("down", "There is no room for runs and events of this month. Run ./dev migrate.")
    return Check(
        "down",
        f"Room for runs and events is ready for this month and {ahead} more, not {FEWEST_AHEAD}: see the scheduler’s log.",
    )


async def _connectors(session: AsyncSession) -> Check:
    """How many cannot send, and for how long. No names and no servers' words: anybody may read this."""
    row = await repository.troubled_connectors(session)
    sentences = []
    if row.troubled:
        some = "1 connector cannot" if row.troubled == 1 else f"{row.troubled} connectors cannot"
        sentences.append(f"{some} send mail, the longest for {duration(float(row.age or 0))}.")
    if row.without:
        some = "1 workspace has" if row.without == 1 else f"{row.without} workspaces have"
        sentences.append(f"{some} mail waiting and no connector for it.")
    if not sentences:
        return Check("ok")
    return Check("down", " ".join(sentences), round(float(row.age), 1) if row.age is not None else None)


def _pulse(kind: str, age: float | None) -> Check:
    if age is None:
        return Check("down", f"No {kind} has started yet.")
    if age > DEAD_AFTER_S:
        return Check("down", f"The last {kind} was heard of {age:.0f} s ago.", round(age, 1))
    return Check("ok", age_seconds=round(age, 1))


_REDIS_DOWN = Check("down", "Redis does not answer: work waits up to a second longer.")


def _redis() -> Check:
    connection = jobs.client()
    if connection is None:
        return Check("off", "No REDIS_URL is set: work waits up to a second longer.")
    try:
        connection.ping()
    except (redis.RedisError, OSError):
        return _REDIS_DOWN
    return Check("ok")
