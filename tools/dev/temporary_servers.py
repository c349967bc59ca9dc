"""Servers that live as long as one command, in a directory that goes away with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.local import environment
from app.local.postgres import FOR_TESTS, Postgres
from app.local.valkey import Valkey

PREFIX = "throughline-scratch-"


@contextlib.contextmanager
def servers(*, durable: bool = False) -> Iterator[dict[str, str]]:
    """PostgreSQL with an empty database `throughline`, and Valkey. Yields the environment that leads to them."""
    _sweep()
    directory = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)
    programs = environment.variable("PG_BINDIR")
    postgres = Postgres(directory, options=None if durable else FOR_TESTS, bindir=programs)
    valkey = Valkey(directory)
    try:
        postgres.start()
        postgres.create("throughline")
        valkey.start()
        yield {
            "DATABASE_URL": postgres.url(),
            "REDIS_URL": valkey.url,
            "THROUGHLINE_LOCAL": "1",
            "THROUGHLINE_STATE": str(directory),
            "THROUGHLINE_SECRET_KEY": "only for the servers of one test run, 0123456789",
        }
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _sweep() -> None:
    """Stop and remove what killed commands left."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = directory.name.removeprefix(PREFIX)
        if directory.stat().st_uid != os.geteuid() or not owner.isdigit() or _lives(int(owner)):
            continue
        with contextlib.suppress(Exception):
            Valkey(directory).stop()
            Postgres(directory).stop()
        shutil.rmtree(directory, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
