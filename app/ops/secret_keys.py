"""The command `./dev secret-key`: which keys the database was sealed with, and the change from one to another."""

from __future__ import annotations

import argparse
import asyncio

from app.local import product_database


def manage(options: argparse.Namespace) -> int:
    """`status`, `reseal` or `forget`."""
    with product_database.reachable(options.state):
        return {"status": _status, "reseal": _reseal, "forget": _forget}[options.action]()


def rotate_key(options: argparse.Namespace) -> int:
    """`./dev connectors rotate-key`: THROUGHLINE_SECRET_KEY is the new key, THROUGHLINE_OLD_SECRET_KEYS has the one before."""
    with product_database.reachable(options.state):
        return _reseal()


def _status() -> int:
    """Exit code 1 when a key is in use that is not set here."""
    from app.lib import crypto, database
    from app.settings import settings
    from app.system import secret_key_repository

    names = {crypto.key_fingerprint(old): "old, set here" for old in settings().old_secret_keys}
    names[crypto.key_fingerprint(settings().secret_key)] = "present"
    with database.connect("secret key") as connection:
        rows = secret_key_repository.every(connection)
    for fingerprint, first_used_at, retired_at in rows:
        name_text = names.get(fingerprint, "" if retired_at else "NOT SET HERE")
        state = f"retired {retired_at:%Y-%m-%d}" if retired_at else "in use"
        print(f"{fingerprint}  since {first_used_at:%Y-%m-%d}  {state}{', ' if name_text else ''}{name_text}")
    if not rows:
        print("No process has started with this database yet.")
    return int(any(retired_at is None and fingerprint not in names for fingerprint, _, retired_at in rows))


def _reseal() -> int:
    """Exit code 1 when something was left that does not open with the keys that are set."""
    from app.connectors import service
    from app.idempotency import repository as idempotency
    from app.lib import database
    from app.system import secret_keys
    from app.webhook_endpoints.service import reseal_endpoints
    from app.webhooks.service import reseal_webhooks

    async def again() -> tuple[int, int, int, int]:
        async with database.transaction() as session:
            passwords = await service.reseal_passwords(session)
            answers = await idempotency.reseal(session)
            webhooks = await reseal_webhooks(session) + await reseal_endpoints(session)
            return passwords, answers, webhooks, await service.sealed_otherwise(session)

    with database.connect("secret key") as connection:
        secret_keys.verify(connection)
    passwords, answers, webhooks, unreadable = asyncio.run(again())
    print(
        f"Sealed again with the present key: {passwords} passwords of connectors, {answers} answers kept for repeated requests, "
        f"{webhooks} addresses of triggers and webhook endpoints."
    )
    if unreadable:
        print(
            f"{unreadable} passwords of connectors open with none of the keys. Enter them again; then run this again."
        )
        return 1
    with database.connect("secret key") as connection:
        secret_keys.retire_others(connection)
    print(
        "Processes may start without the old keys now. Keep them in THROUGHLINE_OLD_SECRET_KEYS for as long as unsubscribe "
        "links in mails of before must work; those are signed with them."
    )
    return 0


def _forget() -> int:
    """For keys that are lost."""
    from app.lib import database
    from app.system import secret_keys

    with database.connect("secret key") as connection:
        count = secret_keys.retire_others(connection)
    print(
        f"{count} keys are no longer asked for. What they sealed cannot be read: enter the passwords of the connectors again. "
        "Unsubscribe links in mails of before no longer work."
        if count
        else "No other key is in use."
    )
    return 0
