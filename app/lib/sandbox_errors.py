"""Errors of work in the sandbox. In a module of its own, because the child processes import little else."""

from __future__ import annotations

from app.errors import Invalid, Unavailable


class TooCostly(Invalid):
    """This takes too much time or memory to work out. Make it shorter or simpler."""

    code = "too_costly"


class Busy(Unavailable):
    """Too many are asking for this at once. Nothing was changed; try again in a few seconds."""

    code = "busy"
    retry_after = 3


class Broken(Exception):
    """The work raised something that no caller expects; the message names it."""
