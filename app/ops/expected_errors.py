"""Errors that a command answers with their sentence instead of a traceback."""

from __future__ import annotations

import psycopg

from app.local.binaries import MissingServer
from app.local.bootstrap_process import CannotRun
from app.local.postgres import PostgresFailed
from app.local.state import StateInUse, StateUnusable
from app.local.valkey import ValkeyFailed
from app.ops.backup import BackupFailed
from app.settings import UnsafeSettings

ERRORS = (
    BackupFailed,
    CannotRun,
    MissingServer,
    PostgresFailed,
    StateInUse,
    StateUnusable,
    UnsafeSettings,
    ValkeyFailed,
)


def sentence(error: BaseException | None) -> str:
    """The sentence for the person about `error`; empty for unexpected errors."""
    if isinstance(error, ERRORS):
        return str(error)
    while error is not None:
        if isinstance(error, psycopg.OperationalError):
            return f"The database does not answer. Is the product starting or stopping? Try again.\n{error}"
        if isinstance(error, psycopg.errors.UndefinedTable):
            return (
                "The database has no tables yet, or old ones. Run ./dev migrate, or start the product once: ./dev run"
            )
        error = error.__cause__
    return ""
