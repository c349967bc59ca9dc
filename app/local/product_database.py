"""The product's database for commands that are not `run`: the one that runs, the one that is named, or ours started for a moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg

from app.local import environment
from app.local.servers import Servers
from app.local.state import StateDirectory, StateInUse


@contextlib.contextmanager
def reachable(state: str | None = None) -> Iterator[None]:
    """Inside, `app.settings` and `app.lib.database` lead to the product's database.

    With DATABASE_URL set the environment is taken as it is, which is what a server in production wants. Otherwise it is
    the local product: running (its processes keep it up), or started here and stopped at the end.
    """
    if environment.variable("DATABASE_URL"):
        yield
        return
    launch = environment.read_launch(state=state)
    place = StateDirectory(launch.state)
    try:
        place.hold()
    except StateInUse:
        _wait_until_it_runs(place)
        environment.adopt(place.remembered())
        yield
        return
    servers = Servers(launch, place)
    adopted = servers.start_postgres()
    try:
        environment.adopt(
            {
                "DATABASE_URL": servers.values["DATABASE_URL"],
                "THROUGHLINE_LOCAL": "1",
                "THROUGHLINE_STATE": str(launch.state),
                "THROUGHLINE_SECRET_KEY": environment.variable("THROUGHLINE_SECRET_KEY") or place.secret("secret-key"),
            }
        )
        yield
    finally:
        if not adopted and servers.postgres:
            servers.postgres.stop()
        place.release()


def _wait_until_it_runs(place: StateDirectory, seconds: float = 30) -> None:
    """Somebody holds the directory: perhaps a product that is still starting. Gives up silently; the command will say it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            psycopg.connect(place.remembered().get("DATABASE_URL", ""), connect_timeout=3).close()
        except psycopg.Error:
            time.sleep(0.2)
        else:
            return
