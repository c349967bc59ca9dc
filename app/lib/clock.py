"""The only source of time in the code, so that tests and the simulator can move it.

In SQL the same time is `clock_now()`: the row of `virtual_clock` when there is one, else `now()`.
Leases of live workers use real time on purpose: moving the calendar must not expire them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return _source()


def use(source: Callable[[], datetime] | None) -> None:
    """Put another source of time in place; None brings the system clock back."""
    global _source
    _source = source or _system


def is_system() -> bool:
    """Is it the machine's clock, which ids follow? Bounds of time are bounds of ids only then."""
    return _source is _system
