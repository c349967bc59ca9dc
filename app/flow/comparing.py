"""What an operator makes of a wanted value: a test of what is there, and when its answer changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Test = Callable[[Any, Any], bool]
"""(actual value, step) -> does it hold?"""
Turns = Callable[[Any, Any], datetime | None]
"""(actual value, step) -> the next instant at which the answer changes by itself, None: never."""


class NotComparable(Exception):
    """A value has no reading of the kind that an operator compares; the message says of which: `not a number`."""
