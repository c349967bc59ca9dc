"""SQL of the table that says with which secret keys this database was sealed. On a plain connection: it is asked before sessions are."""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


def lock(connection: Connection) -> None:
    """Lock the keys: until the end of the transaction no other process compares or retires them."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended('secret keys', 7))")


def in_use(connection: Connection) -> list[str]:
    """Fingerprints of the keys with which something may be sealed, the first one first."""
    rows = connection.execute("select fingerprint from secret_keys where retired_at is null order by first_used_at")
    return [fingerprint for (fingerprint,) in rows]


def use(connection: Connection, fingerprint: str) -> None:
    """Write down that something may be sealed with this key from now on."""
    connection.execute(
        "insert into secret_keys (fingerprint) values (%s) on conflict (fingerprint) do update set retired_at = null"
        " where secret_keys.retired_at is not null",
        [fingerprint],
    )


def retire_all_but(connection: Connection, fingerprint: str) -> int:
    """Write down that nothing is sealed with any other key. Returns how many were retired now."""
    return connection.execute(
        "update secret_keys set retired_at = clock_now() where fingerprint <> %s and retired_at is null", [fingerprint]
    ).rowcount


def every(connection: Connection) -> list[tuple[Any, ...]]:
    """(fingerprint, first used, retired) of all keys, the first one first."""
    return connection.execute(
        "select fingerprint, first_used_at, retired_at from secret_keys order by first_used_at"
    ).fetchall()
