"""What is told of an error that a step did not foresee: a sentence on the run, the program's own words in the log."""

from __future__ import annotations

import struct

import psycopg
import structlog

from app.flow.declared import UndeclaredRead
from app.lib.translation import gettext
from app.liquid.templates import LiquidError

log = structlog.get_logger()
TOLD_AT_MOST = 200
_told: set[tuple[str, str, str]] = set()


def fault_in_words(error: Exception, step: str = "") -> str:
    """Why a step failed, for people. A fault of the program is logged, each kind once, as thousands of runs may meet it."""
    if isinstance(error, LiquidError):
        return gettext("A text of this step cannot be filled in: %(why)s.", why=str(error).rstrip("."))
    key = (type(error).__name__, str(error)[:200], step)
    if key not in _told and len(_told) < TOLD_AT_MOST:
        _told.add(key)
        log.error("engine.step_broke", step=step, error=key[0], text=key[1], exc_info=error)
    if isinstance(error, UndeclaredRead):
        return str(error)
    if isinstance(error, psycopg.Error | struct.error | UnicodeError):
        return gettext(
            "What this step put out cannot be stored: it holds a NUL character, or a number or date is out of range."
        )
    return gettext("This step stopped on a fault in the program. The log of the worker says more.")
