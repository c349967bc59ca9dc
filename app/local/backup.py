"""`./dev backup FILE` and `./dev restore FILE`: the whole database as one file, and back, checked before it takes the old one's place.

The dump is PostgreSQL's own (custom format, one snapshot, so the product may run meanwhile). Beside it FILE.json tells of which release
and which secret key it is: without that key the passwords of connectors in it stay sealed, so the key has to be kept too.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.local import binaries, environment, product
from app.local.state import State, StateInUse

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
    with product.reachable(options.state):
        from app.lib import database
        from app.settings import settings

        url = database.dsn()
        with _connected(url) as connection:
            server = connection.info.server_version // 10_000
            size = connection.execute("select pg_database_size(current_database())").fetchone()
            schema = _schema(connection)
        unfinished = target.with_name(f"{target.name}.part")
        try:
            arguments = ["--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data"]
            _run(server, "pg_dump", url, *arguments, "--lock-wait-timeout=60000", f"--file={unfinished}")
            digest = _digest(unfinished)
            note = {
                "format": FORMAT,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "schema": schema,
                "postgresql": server,
                "secretKey": _key(settings().secret_key),
                "sha256": digest,
            }
            _beside(unfinished).write_text(json.dumps(note, indent=1) + "\n")
            _beside(unfinished).replace(_beside(target))
            unfinished.replace(target)
        except OSError as error:
            raise BackupFailed(f"The backup cannot be written to {target}: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
            _beside(unfinished).unlink(missing_ok=True)
    written = target.stat().st_size / 1e6
    print(
        f"{target}: {written:.1f} MB of a database of {(size or (0,))[0] / 1e6:.1f} MB, {target.name}.json beside it."
    )
    print("Keep the secret key too: without it the passwords of connectors cannot be read.")
    return 0


def restore(options: argparse.Namespace) -> int:
    """Put the dump in FILE back: into a database of its own first, which takes the old one's place when it is found whole."""
    source = Path(options.file).absolute()
    note = _note(source)
    with _stopped(options.state), product.reachable(options.state):
        from app.lib import database
        from app.settings import settings

        url = database.dsn()
        _check(source, note, settings().secret_key, other_key=options.other_key)
        with _connected(url) as connection:
            server = connection.info.server_version // 10_000
            if (note.get("postgresql") or 0) > server:
                raise BackupFailed(
                    f"This is a dump of PostgreSQL {note['postgresql']}; the server is {server}. Use one that is no older."
                )
            used = connection.execute(
                "select application_name from pg_stat_activity where datname = current_database()"
                " and application_name like 'throughline %' limit 1"
            ).fetchone()
            if used:
                raise BackupFailed("The product still uses this database. Stop all its processes first.")
            if _filled(connection) and not options.replace:
                raise BackupFailed("This database is not empty. With --replace it is given up for what is in the file.")
        _restore(source, url, server)
    print(f"Restored {source.name}, brought to this release and found whole. Start the product now.")
    return 0


def _restore(source: Path, url: str, server: int) -> None:
    name = urlsplit(url).path.lstrip("/")
    fresh, old = f"{name}_restoring", f"{name}_replaced"
    with _connected(_sibling(url, "postgres")) as maintenance:
        try:
            maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(fresh)))
            maintenance.execute(sql.SQL("create database {} template template0").format(sql.Identifier(fresh)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise BackupFailed(
                "The user of DATABASE_URL may not create databases, which a restore needs: grant it CREATEDB for the time being."
            ) from error
        try:
            # As one transaction: a file that ends early leaves nothing that looks whole.
            arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
            _run(server, "pg_restore", _sibling(url, fresh), *arguments, str(source))
            _bring_up(_sibling(url, fresh))
        except BaseException:
            maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(fresh)))
            raise
        rename = sql.SQL("alter database {} rename to {}")
        maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(old)))
        maintenance.execute(rename.format(sql.Identifier(name), sql.Identifier(old)))
        maintenance.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
        maintenance.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(old)))


def _bring_up(url: str) -> None:
    """Migrate what was restored to this release and check it. Raises BackupFailed when it is not whole."""
    from app.engine import integrity

    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=environment.ROOT,
        env=environment.extended({"DATABASE_URL": url}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupFailed(
            f"The tables of this dump cannot be brought to this release.\n{done.stderr.strip()[-1_000:]}"
        )
    with _connected(url) as connection:
        breaches = list(integrity.check(connection))
        connection.execute("analyze")
    if breaches:
        told = "\n".join(str(breach) for breach in breaches[:20])
        raise BackupFailed(f"What is in this file is not whole, so the database was left as it is:\n{told}")


def _check(source: Path, note: dict[str, Any], secret: str, *, other_key: bool) -> None:
    if note and note["sha256"] != _digest(source):
        raise BackupFailed(f"{source} is damaged: it is not the file that the backup wrote.")
    if note and note["secretKey"] != _key(secret) and not other_key:
        raise BackupFailed(
            "This backup was made with another secret key. Set THROUGHLINE_SECRET_KEY to that one; or add --other-key, and enter the"
            " passwords of all connectors again afterwards."
        )
    known = {re.search(r'^revision = "(.+)"', path.read_text(), re.M) for path in _migrations()}
    if note and note["schema"] not in {match[1] for match in known if match}:
        raise BackupFailed("This backup was made by a newer release. Update the code first.")
    if not note:
        print(f"There is no {source.name}.json: whether the file is the whole one, and of this key, cannot be checked.")


def _migrations() -> list[Path]:
    return sorted((environment.ROOT / "migrations" / "versions").glob("*.py"))


def _note(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise BackupFailed(f"There is no file {source}.")
    try:
        found: dict[str, Any] = json.loads(_beside(source).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BackupFailed(
            f"{source.name}.json cannot be read: {error}. Without it, the file may still be restored."
        ) from error
    if found.get("format") != FORMAT:
        raise BackupFailed("This backup was made by a newer release. Update the code first.")
    return found


@contextlib.contextmanager
def _stopped(state: str | None) -> Iterator[None]:
    """The product of this state directory does not run, and cannot be started meanwhile. With DATABASE_URL others decide that."""
    if not environment.variable("DATABASE_URL"):
        place = State(environment.read_launch(state=state).state)
        try:
            place.hold()
        except StateInUse as error:
            raise BackupFailed("The product runs. Stop it first (Ctrl-C), then restore.") from error
        place.release()
    yield


def _filled(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select to_regclass('workspaces') is not null").fetchone()
    return bool(row and row[0] and connection.execute("select 1 from workspaces limit 1").fetchone())


def _schema(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else ""


def _connected(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        url, autocommit=True, connect_timeout=5, application_name="backup", options="-c lock_timeout=30000"
    )


def _sibling(url: str, database: str) -> str:
    """Another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _run(server: int, program: str, url: str, *arguments: str) -> None:
    """A program of PostgreSQL on this database. The password goes through the environment, not the list of processes."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=re.sub(r":[^:@]*@", "@", parts.netloc)) if parts.password else parts
    command = [str(_program(server, program)), f"--dbname={urlunsplit(bare)}", *arguments]
    values = {"PGPASSWORD": parts.password or "", "PGCONNECT_TIMEOUT": "10"}
    done = subprocess.run(command, env=environment.extended(values), capture_output=True, text=True)
    if not done.returncode:
        return
    said = done.stderr.strip()
    if "No space left on device" in said:
        raise BackupFailed("The disk is full. Make room, or choose a file on another disk; nothing was changed.")
    if "unsupported version" in said:
        raise BackupFailed("A newer PostgreSQL wrote this file. Set PG_BINDIR to the programs of that version.")
    if "does not appear to be a valid archive" in said or "input file" in said or "end of file" in said:
        raise BackupFailed("This file is not a backup, or only the beginning of one.")
    raise BackupFailed(f"{program} failed:\n{said[-1_500:]}")


def _program(server: int, name: str) -> Path:
    """That of the server's own version when it is here, else of the oldest one that is newer."""
    given = environment.variable("PG_BINDIR")
    state = environment.read_launch().state
    found = [
        (version, place / name)
        for place in ([Path(given)] if given else binaries.candidates(state))
        if (place / name).exists() and (version := binaries.postgres_major(place)) is not None and version >= server
    ]
    if not found:
        raise BackupFailed(
            f"{name} of PostgreSQL {server} or newer is not on this machine. Install it (Debian and Ubuntu: apt install"
            " postgresql-client), or set PG_BINDIR to the directory of its programs."
        )
    return min(found)[1]


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _key(secret: str) -> str:
    """Tells keys apart and gives none away."""
    return hashlib.sha256(b"throughline backup\0" + secret.encode()).hexdigest()[:16]
