"""`./dev restore FILE`: restores a backup into a new database, checks it, and puts it in place of the old one."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.local import environment, product_database
from app.local.state import StateDirectory, StateInUse
from app.ops.backup import FORMAT, BackupFailed, beside, connected, digest_of, key_mark, run_program

_POLICY = re.compile(r"^\d+; \d+ \d+ (POLICY|ROW SECURITY|COMMENT \S+ POLICY) ")


def restore(options: argparse.Namespace) -> int:
    """Put the dump in FILE back: into a database of its own first, which takes the old one's place when it is found whole."""
    source = Path(options.file).absolute()
    note = _note(source)
    with _stopped(options.state), product_database.reachable(options.state):
        from app.lib import database
        from app.settings import settings

        url = database.dsn()
        _check(source, note, settings().secret_key, other_key=options.other_key)
        with connected(url) as connection:
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
    with connected(_sibling(url, "postgres")) as maintenance:
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
            with _without_policies(server, url, source) as contents:
                run_program(
                    server, "pg_restore", _sibling(url, fresh), *arguments, f"--use-list={contents}", str(source)
                )
            _bring_up(_sibling(url, fresh))
        except BaseException:
            maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(fresh)))
            raise
        rename = sql.SQL("alter database {} rename to {}")
        maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(old)))
        maintenance.execute(rename.format(sql.Identifier(name), sql.Identifier(old)))
        maintenance.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
        maintenance.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(old)))


@contextlib.contextmanager
def _without_policies(server: int, url: str, source: Path) -> Iterator[str]:
    """The path of a list of what is in a dump but for its policies. They name roles that this server may not have yet, and the
    migrations make them anew."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as contents:
        listed = run_program(server, "pg_restore", url, "--list", str(source), connects=False)
        contents.writelines(line for line in listed.splitlines(keepends=True) if not _POLICY.search(line))
        contents.flush()
        yield contents.name


def _bring_up(url: str) -> None:
    """Migrate what was restored to this release and check it. Raises BackupFailed when it is not whole."""
    from app import installed_types
    from app.engine import integrity

    installed_types.install()
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
    with connected(url) as connection:
        breaches = list(integrity.check(connection))
        connection.execute("analyze")
    if breaches:
        listed = "\n".join(str(breach) for breach in breaches[:20])
        raise BackupFailed(f"What is in this file is not whole, so the database was left as it is:\n{listed}")


def _check(source: Path, note: dict[str, Any], secret: str, *, other_key: bool) -> None:
    if note and note["sha256"] != digest_of(source):
        raise BackupFailed(f"{source} is damaged: it is not the file that the backup wrote.")
    if note and note["secretKey"] != key_mark(secret) and not other_key:
        raise BackupFailed(
            "This backup was made with another secret key. Set THROUGHLINE_SECRET_KEY to that one; or add --other-key, and enter the"
            " passwords of all connectors again afterwards."
        )
    revisions = {re.search(r'^revision = "(.+)"', path.read_text(), re.M) for path in _migrations()}
    if note and note["schema"] not in {match[1] for match in revisions if match}:
        raise BackupFailed("This backup was made by a newer release. Update the code first.")
    if not note:
        print(f"There is no {source.name}.json: whether the file is the whole one, and of this key, cannot be checked.")


def _migrations() -> list[Path]:
    return sorted((environment.ROOT / "migrations" / "versions").glob("*.py"))


def _note(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise BackupFailed(f"There is no file {source}.")
    try:
        note: dict[str, Any] = json.loads(beside(source).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BackupFailed(
            f"{source.name}.json cannot be read: {error}. Without it, the file may still be restored."
        ) from error
    if note.get("format") != FORMAT:
        raise BackupFailed("This backup was made by a newer release. Update the code first.")
    return note


@contextlib.contextmanager
def _stopped(state: str | None) -> Iterator[None]:
    """The product of this state directory does not run, and cannot be started meanwhile. With DATABASE_URL others decide that."""
    if not environment.variable("DATABASE_URL"):
        place = StateDirectory(environment.read_launch(state=state).state)
        try:
            place.hold()
        except StateInUse as error:
            raise BackupFailed("The product runs. Stop it first (Ctrl-C), then restore.") from error
        place.release()
    yield


def _filled(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select to_regclass('workspaces') is not null").fetchone()
    return bool(row and row[0] and connection.execute("select 1 from workspaces limit 1").fetchone())


def _sibling(url: str, database: str) -> str:
    """Another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
