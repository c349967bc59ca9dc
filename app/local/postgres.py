"""A PostgreSQL cluster of our own: made, started, adopted and stopped with the programs that `binaries` finds.

It listens on a unix socket in a directory that only its owner may enter, so it needs no password. A cluster left running
by a killed parent is adopted. Every oddity here was met: see the comments.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from app.local import binaries, machine, processes

_COMMON = {
    "shared_buffers": "128MB",
    "max_connections": "200",  # some 15 of each web process and 10 of each worker
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
    "jit": "off",
}
FOR_TESTS = {
    **_COMMON,
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "400",
    "autovacuum_naptime": "5min",
}
"""Fast and forgetful. Only for clusters that may be lost, many of which run beside each other."""
MB = 1024 * 1024


def durable(folder: Path) -> dict[str, str]:
    """Settings of a cluster that is kept in `folder`, sized to this machine or container.

    A quarter of the memory holds pages, 4 GB at most. The log may grow to 4 GB between two checkpoints, after each of which every
    page is written whole once more; on a small disk to a quarter of what is free, but not below PostgreSQL's own 1 GB.
    """
    buffers = min(max(machine.memory_bytes() // 4 // MB, 128), 4096)
    log = min(max(shutil.disk_usage(folder).free // 4 // MB, 1024), 4096)
    return {**_COMMON, "shared_buffers": f"{buffers}MB", "max_wal_size": f"{log}MB"}


PATIENCE_S, TRIES = 60.0, 4
"""How long a start may take, after a crash too, and how often one that ends at once is repeated."""
_GRAVE = re.compile(r"(PANIC|FATAL|ERROR|LOG):\s+(.*)")


class PostgresFailed(Exception):
    """PostgreSQL did not do what it was asked. The message carries what it said."""


class Postgres:
    """One cluster in `state`/pgdata. `options` are server settings, those of a `durable` one if none; `bindir` is where its programs are,
    if not found."""

    title = "database"

    def __init__(self, state: Path, *, options: dict[str, str] | None = None, bindir: str = "") -> None:
        self.state = state.resolve()
        self._options = options
        self.data = self.state / "pgdata"
        self.socket = binaries.socket_directory(self.state)
        self.log = self.data / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._user = binaries.database_user()
        version = self.data / "PG_VERSION"
        self._bin = binaries.postgres_directory(
            self.state, bindir, int(version.read_text()) if version.exists() else None
        )

    def url(self, database: str = "throughline") -> str:
        """The libpq URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket), safe='')}"

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster: ours, or the one that its pid file tells and that is still a server of this cluster."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if str(self.data) in processes.identity(pid) else None

    def begin(self) -> None:
        """Start it and do not wait; makes the cluster first when there is none. Raises PostgresFailed, OSError."""
        self.state.mkdir(mode=0o711 if self._user else 0o700, parents=True, exist_ok=True)
        if not self.data.exists():
            self.make()
        self._own(self.socket)
        settings = durable(self.data) if self._options is None else self._options
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-k", self.socket, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C must not reach it before the workers have stopped
                **self._user,
            )

    def start(self) -> bool:
        """Start it and wait until it answers. True when one was already running and is taken over."""
        adopted, end, tries = self.alive(), time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < end:
            if not self.alive():
                if tries == TRIES:
                    break
                # Children of a killed postmaster may still hold its shared memory for a moment.
                time.sleep(0.5 if tries else 0.0)
                tries += 1
                adopted = False
                self.begin()
            elif self.answers():
                return adopted
            time.sleep(0.03)
        if self.alive():
            raise PostgresFailed(f"A server runs in {self.data} and does not answer.\n{self.log_tail()}")
        raise PostgresFailed(f"PostgreSQL did not start: {self.why()}\n{self.log_tail()}")

    def answers(self) -> bool:
        """Does it take connections? A second at most."""
        command = [str(self._bin / "pg_isready"), *("-q", "-t", "1", "-h", str(self.socket), "-U", "postgres")]
        return (
            subprocess.run([*command, "-d", "postgres"], stdin=subprocess.DEVNULL, cwd="/", **self._user).returncode
            == 0
        )

    def alive(self) -> bool:
        """Is its main process there? It may be starting, or hang."""
        return self.pid is not None

    def why(self) -> str:
        """What it said last about why it does not run."""
        grave_lines = [match[2] for line in processes.tail(self.log, 40) if (match := _GRAVE.search(line))]
        return grave_lines[-1].strip() if grave_lines else "it ended at once"

    def kill(self) -> None:
        """End it and all its processes now, frozen ones too. What was committed stays."""
        if (pid := self.pid) is None:
            return
        family = [pid, *processes.offspring(pid)]
        for member in family:
            processes.send(member, signal.SIGKILL)
        processes.wait_until_ended(family, 5)

    def create(self, database: str) -> None:
        """Make a database in it, unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))

    def stop(self, *, seconds: int = 8) -> None:
        """Stop it, rolling back what is open; what it has committed stays. One that hangs is ended."""
        if (pid := self.pid) is None:
            return
        for member in (pid, *processes.offspring(pid)):
            processes.send(member, signal.SIGCONT)
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 3)):  # fast, then immediate
            processes.send(pid, number)
            if processes.wait_until_ended([pid], patience):
                return
        self.kill()

    def log_tail(self) -> str:
        """The end of its log, for an error message."""
        return "\n".join(processes.tail(self.log, 12))[-1500:]

    def make(self) -> None:
        """Make the cluster. Raises PostgresFailed."""
        # initdb writes PG_VERSION early: a half-made cluster must never look like a whole one, hence the rename.
        unfinished = self.state / "pgdata.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own(unfinished)
        major = binaries.postgres_major(self._bin) or 0
        # Plain C folds only ASCII (upper('é') stays 'é'). The wheel has no ICU; the built-in provider came with 17.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        code, output = self._run(
            "initdb",
            *("-D", unfinished, "-U", "postgres", "-E", "UTF8", "--auth=trust", "-k"),
            *(locale if major >= 17 else ["--locale=C.UTF-8"]),
        )
        if code:
            raise PostgresFailed(f"The database could not be made: {output}")
        unfinished.rename(self.data)

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user:
            os.chown(directory, self._user["user"], self._user["group"])

    def _run(self, program: str, *arguments: object) -> tuple[int, str]:
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self._bin / program, *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd="/",
                **self._user,
            )
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace").strip()
