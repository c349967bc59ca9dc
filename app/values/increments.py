"""Counting a number up, in memory as PostgreSQL does it: exactly, so that 0.1 and 0.2 are 0.3 and whole numbers stay whole."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Any

from app.lib.conversions import as_number

_EXACT = Context(prec=700)
"""Digits enough for the sum of any two floats: they lie between 1e308 and 5e-324."""


class NotCountable(ValueError):
    """The stored value is no number, or the sum cannot be stored; the message says which."""


def added(before: Any, by: float) -> int | float:
    """`before` and `by` together. Nothing counts as 0 and text that is a number as that number. Raises NotCountable."""
    if before is None:
        return by
    start = as_number(before)
    if start is None:
        raise NotCountable("its value is not a number")
    if isinstance(start, int) and isinstance(by, int):
        return start + by
    total = float(_EXACT.add(Decimal(repr(start)), Decimal(repr(by))))
    if not math.isfinite(total):
        raise NotCountable("the sum is too large")
    return total
