"""Is the product fit to serve? Each part answers for itself; only the database and its schema can say no.

Without Redis, worker or scheduler pages and API still work and nothing is lost: that is `degraded`, and it is said.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any, Literal

import msgspec
import redis
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import client_address, jobs
from app.lib.formats import duration
from app.lib.heartbeat import DEAD_AFTER_S

State = Literal["ok", "degraded", "down"]
_ROOT = Path(__file__).parents[2]
_DATABASE_S = 3.0


class Check(msgspec.Struct, rename="camel", omit_defaults=True):
    """One part: its state, and a sentence when it is not well."""

    status: Literal["ok", "off", "down"]
    detail: str = ""
    age_seconds: float | None = None


class Health(msgspec.Struct, rename="camel"):
    status: State
    checks: dict[str, Check]


@functools.cache
def head() -> str | None:
    """The newest migration that this code brings along."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


async def examine(session: AsyncSession) -> Health:
    """Look at every part. Never raises; takes 3 s at most when the database hangs."""
    checks: dict[str, Check] = {}
    try:
        async with asyncio.timeout(_DATABASE_S):
            checks |= await _database(session)
    except Exception:
        checks["database"] = Check("down", "The database does not answer.")
    checks["redis"] = await asyncio.to_thread(_redis)
    if told := client_address.untrusted_proxy():
        checks["proxy"] = Check(
            "ok", told
        )  # a hint and no fault: a stranger beside us must not make the product look ill
    fit = all(checks.get(name, Check("down")).status == "ok" for name in ("database", "migrations"))
    well = all(check.status == "ok" for check in checks.values())
    return Health("ok" if fit and well else "degraded" if fit else "down", checks)


async def _database(session: AsyncSession) -> dict[str, Check]:
    found: dict[str, Check] = {}
    exists = await session.scalar(text("select to_regclass('alembic_version') is not null"))
    found["database"] = Check("ok")
    at = await session.scalar(text("select version_num from alembic_version")) if exists else None
    if at != head():
        found["migrations"] = Check("down", "The schema does not fit this version. Run ./dev migrate.")
        return found
    found["migrations"] = Check("ok")
    ages: dict[str, Any] = {
        row.kind: float(row.age)
        for row in await session.execute(
            text("select kind, extract(epoch from now() - max(at)) as age from heartbeats group by kind")
        )
    }
    for kind in ("worker", "scheduler"):
        found[kind] = _pulse(kind, ages.get(kind))
    found["connectors"] = await _connectors(session)
    return found


WITHOUT_CONNECTOR = """
select count(*) from workspaces w
where not exists (select from connectors c where c.tenant_id = w.id and c.type = 'smtp' and c.is_default)
  and exists (select from messages m where m.tenant_id = w.id and m.connector_id is null and m.status = 0 and m.due_at is null
    and m.reason = 'no_connector')
"""
"""Workspaces with mail that waits and no connector for it: one look into an index for each workspace without one."""
_TROUBLED = f"""
select count(*) as troubled, extract(epoch from clock_now() - min(state_since)) as age, ({WITHOUT_CONNECTOR}) as without
from connectors where state <> 'ok'
"""  # noqa: S608  a constant


async def _connectors(session: AsyncSession) -> Check:
    """How many cannot send, and for how long. No names and no servers' words: anybody may read this."""
    row = (await session.execute(text(_TROUBLED))).one()
    said = []
    if row.troubled:
        some = "1 connector cannot" if row.troubled == 1 else f"{row.troubled} connectors cannot"
        said.append(f"{some} send mail, the longest for {duration(float(row.age or 0))}.")
    if row.without:
        some = "1 workspace has" if row.without == 1 else f"{row.without} workspaces have"
        said.append(f"{some} mail waiting and no connector for it.")
    if not said:
        return Check("ok")
    return Check("down", " ".join(said), round(float(row.age), 1) if row.age is not None else None)


def _pulse(kind: str, age: float | None) -> Check:
    if age is None:
        return Check("down", f"No {kind} has started yet.")
    if age > DEAD_AFTER_S:
        return Check("down", f"The last {kind} was heard of {age:.0f} s ago.", round(age, 1))
    return Check("ok", age_seconds=round(age, 1))


def _redis() -> Check:
    connection = jobs.client()
    if connection is None:
        return Check("off", "No REDIS_URL is set: work waits up to a second longer.")
    try:
        connection.ping()
    except (redis.RedisError, OSError):
        return Check("down", "Redis does not answer: work waits up to a second longer.")
    return Check("ok")
