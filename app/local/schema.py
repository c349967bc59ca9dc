"""Knows, without the half second that the migration tool takes, that the tables are those of this code and of this month.

If so the web process starts at once, while the migrations run in parallel and verify it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import psycopg

from app.local.environment import ROOT
from app.retention import months


def _mark() -> str:
    digest = hashlib.sha256()
    for path in [*sorted((ROOT / "migrations" / "versions").glob("*.py")), ROOT / "app" / "models" / "access.py"]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _version(url: str) -> str | None:
    """The version of the tables; None when there is none, or when tables that are kept by month lack the one of today."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("select version_num from alembic_version").fetchone()
            ready = months.are_ready(connection)
    except psycopg.Error:
        return None
    return str(row[0]) if row and ready else None


def is_current(url: str, note: Path) -> bool:
    """Did `remember` see this code's migrations applied, and is the database still at that version, with tables for this month?"""
    try:
        noted = json.loads(note.read_text())
    except (OSError, ValueError):
        return False
    version = _version(url)
    return version is not None and bool(noted == {"migrations": _mark(), "version": version})


def remember(url: str, note: Path) -> None:
    """Note that all of this code's migrations are applied."""
    with contextlib.suppress(OSError):  # it saves half a second, no more
        note.write_text(json.dumps({"migrations": _mark(), "version": _version(url)}))
