"""Commands over the product's database: tables, users, keys, demo data, a shell."""

from __future__ import annotations

import argparse
import asyncio
import code
import sys
from typing import Any

from app.local import product_database
from app.ops import bootstrap


def migrate(options: argparse.Namespace) -> int:
    """Bring the tables to the newest version, or to the one named."""
    with product_database.reachable(options.state):
        bootstrap.migrate(options.revision)
    return 0


def create_api_key(options: argparse.Namespace) -> int:
    """Print a new API key on standard output, and what limits it not on standard error."""
    with product_database.reachable(options.state):
        from app.accounts import keys
        from app.lib import database

        async def make() -> str:
            async with database.transaction() as session:
                return await keys.create_api_key(
                    session, options.workspace, options.name, options.role, options.scope, options.days
                )

        print(asyncio.run(make()))
        ends = "works until it is revoked" if options.days is None else f"expires in {options.days} days"
        print(f"This key has no maker whose role would limit it, and {ends}.", file=sys.stderr)
    return 0


def create_user(options: argparse.Namespace) -> int:
    """Add a person to a workspace, and print the link that signs them in once unless a password is given."""
    with product_database.reachable(options.state):
        from app.accounts import repository, service
        from app.errors import NotFound
        from app.lib import database
        from app.settings import settings

        async def make() -> str | None:
            async with database.transaction() as session:
                wanted = options.workspace
                place = await (
                    repository.workspace_by_slug(session, wanted) if wanted else repository.first_workspace(session)
                )
                if place is None and wanted:
                    raise NotFound(f"There is no workspace {wanted!r}.")
                place = place or await service.create_workspace(session, "Main", slug="main")
                password = sys.stdin.readline().rstrip("\n") if options.password_stdin else None
                return await service.admit(
                    session,
                    options.email,
                    name=options.name,
                    password=password,
                    tenant_id=place.id,
                    role=options.role,
                )

        link = asyncio.run(make())
        print(f"{settings().web.base_url}{link}" if link else f"{options.email} may sign in now.")
    return 0


def weigh_workspace(options: argparse.Namespace) -> int:
    """Set the weight of a workspace: workers follow it with the next batch."""
    with product_database.reachable(options.state):
        from app.accounts import repository
        from app.errors import NotFound
        from app.lib import database

        async def weigh() -> str:
            async with database.transaction() as session:
                wanted = options.workspace
                place = await (
                    repository.workspace_by_slug(session, wanted) if wanted else repository.first_workspace(session)
                )
                if place is None:
                    raise NotFound(f"There is no workspace {wanted!r}." if wanted else "There is no workspace yet.")
                place.weight = options.weight
                return place.name

        print(f"{asyncio.run(weigh())} has the weight {options.weight} now.")
    return 0


def demo(options: argparse.Namespace) -> int:
    """Fill a workspace with the demo flows, templates and contacts."""
    with product_database.reachable(options.state):
        from app import installed_types
        from app.accounts import repository
        from app.demo.workspace import seed
        from app.errors import NotFound
        from app.lib import database

        installed_types.install()

        async def fill() -> str:
            async with database.transaction() as session:
                place = await repository.first_workspace(session)
                if place is None:
                    raise NotFound("There is no workspace yet. Start the product once: ./dev run")
                await seed(session, place.id)
                return place.name

        print(f"The workspace {asyncio.run(fill())!r} has the demo data.")
    return 0


def shell(options: argparse.Namespace) -> int:
    """A Python prompt with `connection` (psycopg), `settings`, `models` and `run(coroutine)`."""
    with product_database.reachable(options.state):
        from app import installed_types, models
        from app.lib import database
        from app.lib.database_roles import DatabaseRole
        from app.settings import settings

        installed_types.install()

        def run(make: Any) -> Any:
            async def with_session() -> Any:
                async with database.transaction() as session:
                    return await make(session)

            return asyncio.run(with_session())

        with database.connect(
            "command", DatabaseRole.OWNER, limits={"statement_timeout": 0, "idle_in_transaction_session_timeout": 0}
        ) as connection:
            names = {"connection": connection, "settings": settings(), "models": models, "run": run}
            hint = "connection: psycopg. run(lambda session: ...): in one transaction. models, settings."
            code.interact(banner=f"Throughline shell\n{hint}", local=names, exitmsg="")
    return 0
