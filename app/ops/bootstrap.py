"""What happens once before the product runs: migrate, make the first admin; locally also a sign-in link and the demo.

A process of its own, for `./dev run` and for containers. It speaks in lines of JSON: `{"migrated": true}` as soon as the
other processes may start, the rest after.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from alembic import command
from alembic.config import Config

from app.lib import database, logs
from app.lib.database_roles import DatabaseRole
from app.local import environment
from app.retention import months
from app.settings import UnsafeSettings
from app.system import secret_keys


def migrate(revision: str = "head") -> None:
    """Bring the database to `revision`, or back down to it."""
    config = Config(environment.ROOT / "alembic.ini")
    going_down = revision == "base" or revision.startswith("-")
    (command.downgrade if going_down else command.upgrade)(config, revision)
    # An installation that slept for months has none for today, and what is written would fit nowhere.
    with database.connect("months", DatabaseRole.OWNER) as connection:
        months.ensure_months(connection)


async def welcome(*, demo: bool) -> dict[str, Any]:
    """The first admin; locally a one-time link for it too, and the demo workspace when `demo` and the database was empty."""
    from app import installed_types
    from app.accounts import service, sign_in_links
    from app.connectors.service import ensure_local_connectors
    from app.demo.workspace import seed
    from app.lib import database
    from app.settings import settings

    installed_types.install()
    greeting: dict[str, Any] = {}
    async with database.transaction() as session:
        admin = await service.ensure_first_admin(session)
        if admin is None:
            return greeting
        greeting["admin"] = admin.email
        if settings().local:  # elsewhere the output goes to logs that others keep
            greeting["link"] = await sign_in_links.create_sign_in_link(session, admin.user_id)
            await ensure_local_connectors(session, admin.tenant_id)
        if demo and admin.created:
            await seed(session, admin.tenant_id)
            greeting["demo"] = True
    return greeting


def main() -> None:
    logs.configure()  # to standard error: standard output carries the lines above
    try:
        migrate()
        with database.connect("secret key") as connection:
            secret_keys.verify(connection)
    except UnsafeSettings as error:  # a wrong secret key, or a user who may not make the roles
        sys.exit(str(error))
    print(json.dumps({"migrated": True}), flush=True)
    print(json.dumps(asyncio.run(welcome(demo="--demo" in sys.argv))), flush=True)


if __name__ == "__main__":
    main()
