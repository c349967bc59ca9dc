"""The command `./dev check-integrity`: are the engine's invariants true of the whole database?"""

from __future__ import annotations

import argparse

from app.local import product_database


def check_integrity(options: argparse.Namespace) -> int:
    """Print each violated invariant, or that there is none. Exit code 1 when there are any."""
    with product_database.reachable(options.state):
        from app import installed_types
        from app.engine.integrity import check
        from app.lib import database
        from app.lib.database_roles import DatabaseRole

        installed_types.install()
        with database.connect("command", DatabaseRole.OWNER, limits={"statement_timeout": 0}) as connection:
            breaches = list(check(connection))
        for breach in breaches:
            print(breach)
        print("The database is whole: no invariant is broken." if not breaches else f"{len(breaches)} broken.")
    return 1 if breaches else 0
