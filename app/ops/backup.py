"""`./dev backup FILE`: the whole database as one file. `app.ops.restore` puts it back.

The dump is PostgreSQL's own (custom format, one snapshot, so the product may run meanwhile). Beside it FILE.json tells of which release
and which secret key it is: without that key the passwords of connectors in it stay sealed, so the key has to be kept too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from app.lib.database_roles import DatabaseRole
from app.local import binaries, environment, product_database

FORMAT = 1


class BackupFailed(Exception):
    """Nothing was changed. The message says why, and what to do."""


def backup(options: argparse.Namespace) -> int:
    """Dump the database into FILE; what was there before under that name stays until the new one is whole."""
    target = Path(options.file).absolute()
    if target.exists() and not options.replace:
        raise BackupFailed(f"{target} is there already. Choose another name, or add --replace.")
    if not target.parent.is_dir():
        raise BackupFailed(f"There is no directory {target.parent}.")
    with product_database.reachable(options.state):
        from app.lib import database
        from app.settings import settings

        url = database.dsn()
        with connected(url) as connection:
            server = connection.info.server_version // 10_000
            size = connection.execute("select pg_database_size(current_database())").fetchone()
            schema, reading = _schema(connection), all_rows(connection)
        unfinished = target.with_name(f"{target.name}.part")
        try:
            arguments = ["--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data"]
            run_program(
                server, "pg_dump", url, *arguments, *reading, "--lock-wait-timeout=60000", f"--file={unfinished}"
            )
            digest = digest_of(unfinished)
            note = {
                "format": FORMAT,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "schema": schema,
                "postgresql": server,
                "secretKey": key_mark(settings().secret_key),
                "sha256": digest,
            }
            beside(unfinished).write_text(json.dumps(note, indent=1) + "\n")
            beside(unfinished).replace(beside(target))
            unfinished.replace(target)
        except OSError as error:
            raise BackupFailed(f"The backup cannot be written to {target}: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
            beside(unfinished).unlink(missing_ok=True)
    written = target.stat().st_size / 1e6
    print(
        f"{target}: {written:.1f} MB of a database of {(size or (0,))[0] / 1e6:.1f} MB, {target.name}.json beside it."
    )
    print("Keep the secret key too: without it the passwords of connectors cannot be read.")
    return 0


def _schema(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else ""


def all_rows(connection: psycopg.Connection[Any]) -> list[str]:
    """What lets pg_dump read all rows: policies hold for whoever is no superuser, and the owner's lets it see everything."""
    held = connection.execute("select bool_or(row_security_active(oid)) from pg_class where relrowsecurity").fetchone()
    return [f"--role={DatabaseRole.OWNER}", "--enable-row-security"] if held and held[0] else []


def connected(url: str) -> psycopg.Connection[Any]:
    """For a command: statements may take long, locks may not."""
    return psycopg.connect(
        url, autocommit=True, connect_timeout=5, application_name="backup", options="-c lock_timeout=30000"
    )


def run_program(server: int, program: str, url: str, *arguments: str, connects: bool = True) -> str:
    """What a program of PostgreSQL writes, on this database unless it only reads a file.

    The password goes through the environment, not the list of processes.
    """
    parts = urlsplit(url)
    bare = parts._replace(netloc=re.sub(r":[^:@]*@", "@", parts.netloc)) if parts.password else parts
    command = [str(_program(server, program)), *([f"--dbname={urlunsplit(bare)}"] if connects else []), *arguments]
    values = {"PGPASSWORD": parts.password or "", "PGCONNECT_TIMEOUT": "10"}
    done = subprocess.run(command, env=environment.extended(values), capture_output=True, text=True)
    if not done.returncode:
        return done.stdout
    stderr = done.stderr.strip()
    if "No space left on device" in stderr:
        raise BackupFailed("The disk is full. Make room, or choose a file on another disk; nothing was changed.")
    if "unsupported version" in stderr:
        raise BackupFailed("A newer PostgreSQL wrote this file. Set PG_BINDIR to the programs of that version.")
    if "does not appear to be a valid archive" in stderr or "input file" in stderr or "end of file" in stderr:
        raise BackupFailed("This file is not a backup, or only the beginning of one.")
    raise BackupFailed(f"{program} failed:\n{stderr[-1_500:]}")


def _program(server: int, name: str) -> Path:
    """That of the server's own version when it is here, else of the oldest one that is newer."""
    configured = environment.variable("PG_BINDIR")
    state = environment.read_launch().state
    programs = [
        (version, place / name)
        for place in ([Path(configured)] if configured else binaries.candidates(state))
        if (place / name).exists() and (version := binaries.postgres_major(place)) is not None and version >= server
    ]
    if not programs:
        raise BackupFailed(
            f"{name} of PostgreSQL {server} or newer is not on this machine. Install it (Debian and Ubuntu: apt install"
            " postgresql-client), or set PG_BINDIR to the directory of its programs."
        )
    return min(programs)[1]


def beside(file: Path) -> Path:
    """Where it stands what a backup is."""
    return file.with_name(f"{file.name}.json")


def digest_of(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def key_mark(secret: str) -> str:
    """Tells keys apart and gives none away."""
    return hashlib.sha256(b"throughline backup\0" + secret.encode()).hexdigest()[:16]
