"""The secret keys that this database was encrypted with, and whether this process has them.

A process with another key would run, and fail where it matters: passwords of connectors that do not open, links in mails that
are refused. So every process compares fingerprints before it begins, and one that lacks a key does not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from psycopg.errors import UndefinedTable

from app.lib import crypto, database
from app.settings import UnsafeSettings, settings
from app.system import secret_key_repository

log = structlog.get_logger()
RETRY_S = 1.0


class WrongSecretKey(UnsafeSettings):
    """The database was sealed with a secret key that this process does not have."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"THROUGHLINE_SECRET_KEY is not the key that this database was set up with (fingerprint {', '.join(missing)}; ours "
            f"is {crypto.key_fingerprint(settings().secret_key)}). Put that key back, or into THROUGHLINE_OLD_SECRET_KEYS beside "
            "a new one. If it is lost: ./dev secret-key forget, and enter the passwords of the connectors again."
        )


def verify(connection: psycopg.Connection[Any]) -> None:
    """Raise WrongSecretKey when something may be sealed with a key that we do not have; else write ours down."""
    configured = [crypto.key_fingerprint(secret) for secret in settings().secret_keys]
    with connection.transaction():
        secret_key_repository.lock(connection)
        used = secret_key_repository.in_use(connection)
        if missing := [fingerprint for fingerprint in used if fingerprint not in configured]:
            raise WrongSecretKey(missing)
        secret_key_repository.use(connection, configured[0])


def verify_when_possible(pause: Callable[[float], object] = time.sleep, *, once: bool = False) -> bool:
    """`verify` as soon as the database answers and has its tables; with `once` there is one try. Returns whether it did.

    A `pause` that answers something true ends it, as `threading.Event.wait` does when the process is to stop.
    """
    logged = False
    while True:
        try:
            with database.connect("secret key") as connection:
                verify(connection)
            return True
        except (psycopg.OperationalError, UndefinedTable) as error:
            if once:
                return False
            if not logged:
                log.warning("secret_key.not_compared_yet", error=type(error).__name__)
            logged = True
        if pause(RETRY_S):
            return False


async def verify_at_start() -> None:
    """For the web process: before its first request, or, when the database is away, beside its requests."""
    if not await asyncio.to_thread(verify_when_possible, once=True):
        threading.Thread(target=_verify_beside, name="secret-key", daemon=True).start()


def _verify_beside() -> None:
    try:
        verify_when_possible()
    except WrongSecretKey as error:
        log.critical("secret_key.wrong", told=str(error))
        os.kill(os.getpid(), signal.SIGTERM)


def retire_others(connection: psycopg.Connection[Any]) -> int:
    """Nothing is sealed with any key but the present one from here on; processes need not know the others. Returns how many."""
    with connection.transaction():
        secret_key_repository.lock(connection)
        present = crypto.key_fingerprint(settings().secret_key)
        secret_key_repository.use(connection, present)
        return secret_key_repository.retire_all_but(connection, present)
