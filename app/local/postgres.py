"""A PostgreSQL cluster of our own: made, started, adopted and stopped through the programs that `binaries` finds.

It listens on a unix socket in a directory that only its owner may enter, so it needs no password. A cluster left running
by a killed parent is adopted. Every oddity here was met: see the comments.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from app.local import binaries

DURABLE = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
    "jit": "off",
}
FOR_TESTS = {
    **DURABLE,
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "400",
    "autovacuum_naptime": "5min",
}
"""Fast and forgetful. Only for clusters that may be lost."""


class PostgresFailed(Exception):
    """PostgreSQL did not do what it was asked. The message carries what it said."""


class Postgres:
    """One cluster in `state`/pgdata. `options` are server settings; `bindir` is where its programs are, if not found."""

    def __init__(self, state: Path, *, options: dict[str, str] | None = None, bindir: str = "") -> None:
        self.state = state.resolve()
        self.options = options or DURABLE
        self.data = self.state / "pgdata"
        self.socket = binaries.socket_directory(self.state)
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
        """Process id of the postmaster as its pid file tells it."""
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def start(self) -> bool:
        """Start it, making the cluster first when there is none. True when one was already running and is taken over."""
        self.state.mkdir(mode=0o711 if self._user else 0o700, parents=True, exist_ok=True)
        if not self.data.exists():
            self._make()
        self._own(self.socket)
        if self._adopt():
            return True
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in self.options.items())
        arguments = ["start", "-w", "-t", "60", "-D", self.data, "-l", self.data / "server.log"]
        socket = shlex.quote(str(self.socket))
        for last in (False, False, False, True):
            code, said = self._run("pg_ctl", *arguments, "-o", f"{options} -k {socket}")
            if code == 0:
                return False
            if last:
                raise PostgresFailed(f"PostgreSQL did not start: {said}\n{self.log_tail()}")
            time.sleep(0.5)  # children of a killed postmaster may still hold its shared memory for a moment
        return False

    def ready(self) -> bool:
        """Does it answer?"""
        return self._run("pg_isready", "-q", "-h", self.socket, "-U", "postgres", "-d", "postgres")[0] == 0

    def alive(self) -> bool:
        """Is its main process there? Cheaper than `ready`, for a look each second."""
        try:
            os.kill(self.pid or 0, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return self.pid is not None

    def create(self, database: str) -> None:
        """Make a database in it, unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))

    def stop(self, *, seconds: int = 10) -> None:
        """Stop it, rolling back what is open; what it has committed stays."""
        if self.data.exists() and self._run("pg_ctl", "stop", "-w", "-t", seconds, "-m", "fast", "-D", self.data)[0]:
            self._run("pg_ctl", "stop", "-w", "-t", "3", "-m", "immediate", "-D", self.data)

    def log_tail(self) -> str:
        """The end of its log, for an error message."""
        log = self.data / "server.log"
        return log.read_text(errors="replace")[-1500:] if log.exists() else ""

    def _make(self) -> None:
        # initdb writes PG_VERSION early: a half-made cluster must never look like a whole one, hence the rename.
        unfinished = self.state / "pgdata.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own(unfinished)
        major = binaries.postgres_major(self._bin) or 0
        # Plain C folds only ASCII (upper('é') stays 'é'). The wheel has no ICU; the built-in provider came with 17.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        code, said = self._run(
            "initdb",
            *("-D", unfinished, "-U", "postgres", "-E", "UTF8", "--auth=trust", "-k"),
            *(locale if major >= 17 else ["--locale=C.UTF-8"]),
        )
        if code:
            raise PostgresFailed(f"The database could not be made: {said}")
        unfinished.rename(self.data)

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user:
            os.chown(directory, self._user["user"], self._user["group"])

    def _adopt(self) -> bool:
        # `pg_ctl status` answers 0 for a killed postmaster that init has not reaped yet, so ask the server itself too.
        end = time.monotonic() + 30
        while self._run("pg_ctl", "status", "-D", self.data)[0] == 0:
            if self.ready():
                return True
            if time.monotonic() > end:
                raise PostgresFailed(f"A server runs in {self.data} and does not answer.\n{self.log_tail()}")
            time.sleep(0.1)
        return False

    def _run(self, program: str, *arguments: object) -> tuple[int, str]:
        # A file, never a pipe: the postmaster inherits it from pg_ctl, and reading a pipe would wait for its end.
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
