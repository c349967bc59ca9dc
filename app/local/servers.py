"""The servers under the product: our own PostgreSQL and Valkey, or those that the environment names."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.lib import outage
from app.local import binaries
from app.local.environment import Launch
from app.local.postgres import Postgres
from app.local.state import StateDirectory, StateUnusable
from app.local.valkey import Valkey
from app.local.watch import Watch

QUEUE_DEAD_AFTER_S = 30.0
"""A Valkey that has not answered for so long is ended. Sooner would be wrong: a busy machine is slow, not broken."""
DISK_FULL_BELOW = 16 * 1024 * 1024
"""PostgreSQL makes its log in files of 16 MB; with less it cannot go on."""


class Servers:
    """Starts, watches and stops the servers of one launch."""

    def __init__(self, launch: Launch, state: StateDirectory) -> None:
        if not launch.database_url and not binaries.reachable(state.path):
            raise StateUnusable(
                f"PostgreSQL does not run as root, and the user it runs as may not enter {state.path}. "
                "Choose another place with --state DIR or THROUGHLINE_STATE, for example /var/lib/throughline."
            )
        self.postgres = (
            None if launch.database_url else Postgres(state.path / "postgres", bindir=launch.postgres_programs)
        )
        self.valkey = None if launch.redis_url else Valkey(state.path)
        self.database = Watch(
            self.postgres, kill_after_s=None, without="Until it is back pages and the API say so, and nothing is lost."
        ) if self.postgres else None  # fmt: skip
        self.queue = Watch(
            self.valkey, kill_after_s=QUEUE_DEAD_AFTER_S, without="Everything goes on; work waits up to a second longer."
        ) if self.valkey else None  # fmt: skip
        self._launch, self._state = launch, state
        self._said = ""

    @property
    def values(self) -> dict[str, str]:
        """The environment that makes a process of the product use them."""
        return {
            "DATABASE_URL": self.postgres.url() if self.postgres else self._launch.database_url,
            "REDIS_URL": self.valkey.url if self.valkey else self._launch.redis_url,
        }

    def prepare(self) -> None:
        """What must be so before the first look; raises PostgresFailed, ValkeyFailed or OSError when a person must mend it."""
        outage.reserve(self._state.path)
        if self.postgres and not self.postgres.data.exists():
            self.postgres.make()
        if self.valkey:
            self.valkey.settle_port()

    def start_postgres(self) -> bool:
        """Start it and wait, for commands that need no more. True when it was running already."""
        if self.postgres is None:
            return True
        adopted = self.postgres.start()
        self.postgres.create("throughline")
        return adopted

    def look(self, now: float) -> list[str]:
        """See how they are, start again what ended, and leave word for the web process. Answers lines for the terminal."""
        lines = []
        for watch in (self.queue, self.database):
            lines += watch.look(now) if watch else []
        self._leave_word()
        return lines

    def make_database(self) -> None:
        """Make the product's database in a server that is ready. Raises psycopg.Error."""
        if self.postgres:
            self.postgres.create("throughline")

    @property
    def logs(self) -> list[Path]:
        return [server.log for server in (self.postgres, self.valkey) if server]

    @property
    def database_ready(self) -> bool:
        return self.database is None or self.database.state == "ok"

    @property
    def queue_ready(self) -> bool:
        return self.queue is None or self.queue.state == "ok"

    def _leave_word(self) -> None:
        """The reason why the database is away, for who asks the web process meanwhile."""
        trouble = self.database.trouble if self.database else ""
        if trouble and shutil.disk_usage(self._state.path).free < DISK_FULL_BELOW:
            trouble += " The disk of the server is full."
        if trouble != self._said:
            self._said = trouble
            outage.say(self._state.path, trouble)

    def stop(self) -> None:
        """Stop all servers, also those that another process started."""
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
