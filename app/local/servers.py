"""The servers under the product: our own PostgreSQL and Valkey, or those that the environment names."""

from __future__ import annotations

from app.local import binaries
from app.local.environment import Launch
from app.local.postgres import Postgres
from app.local.state import State, StateUnusable
from app.local.valkey import Valkey


class Servers:
    """Starts, watches and stops the servers of one launch."""

    def __init__(self, launch: Launch, state: State) -> None:
        if not launch.database_url and not binaries.reachable(state.path):
            raise StateUnusable(
                f"PostgreSQL does not run as root, and the user it runs as may not enter {state.path}. "
                "Choose another place with --state DIR or THROUGHLINE_STATE, for example /var/lib/throughline."
            )
        self.postgres = (
            None if launch.database_url else Postgres(state.path / "postgres", bindir=launch.postgres_programs)
        )
        self.valkey = None if launch.redis_url else Valkey(state.path)
        self._launch = launch

    @property
    def values(self) -> dict[str, str]:
        """The environment that makes a process of the product use them."""
        return {
            "DATABASE_URL": self.postgres.url() if self.postgres else self._launch.database_url,
            "REDIS_URL": self.valkey.url if self.valkey else self._launch.redis_url,
        }

    def start_postgres(self) -> bool:
        """True when it was running already."""
        if self.postgres is None:
            return True
        adopted = self.postgres.start()
        self.postgres.create("throughline")
        return adopted

    def start_valkey(self) -> bool:
        """True when it was running already."""
        return True if self.valkey is None else self.valkey.start()

    def revive(self) -> list[str]:
        """Start again what died. Answers what that was."""
        revived = []
        if self.valkey and not self.valkey.ready() and not self.valkey.start():
            revived.append("valkey")
        if self.postgres and not self.postgres.alive() and not self.postgres.start():
            revived.append("postgres")
        return revived

    def stop(self) -> None:
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
