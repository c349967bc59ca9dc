"""Counting a number up, in memory as PostgreSQL does it: exactly, so that 0.1 and 0.2 are 0.3 and whole numbers stay whole."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Any

from app.lib.conversions import as_number
from app.lib.translation import gettext

MAX_DIGITS = 40
"""Of a sum, beyond what a float holds: two amounts further apart are no amounts of one thing."""
LARGEST_EXACT = 2**53
"""Beyond it a float stands for several whole numbers, and `jsonb` keeps the one that is written."""
_EXACT = Context(prec=700)
"""Digits enough for the sum of any two floats: they lie between 1e308 and 5e-324."""


class NotCountable(ValueError):
    """The stored value is no number, or the sum cannot be stored; the message says which."""


def added(before: Any, by: float | Decimal) -> int | float | Decimal:
    """`before` and `by` together. Nothing counts as 0 and text that is a number as that number. Raises NotCountable.

    The sum is a decimal where a float would round it.
    """
    start = 0 if before is None else as_number(before)
    if start is None:
        raise NotCountable(gettext("Nothing can be added to it: its value is not a number."))
    total = together(start, by)
    if isinstance(total, int):
        return total
    if not math.isfinite(float(total)):
        raise NotCountable(gettext("Nothing can be added to it: the sum is too large."))
    if isinstance(total, Decimal) and _digits(total) > MAX_DIGITS:
        text = gettext("Nothing can be added to it: the sum has more than %(most)s digits.", most=MAX_DIGITS)
        raise NotCountable(text)
    return total


def together(one: float | Decimal, other: float | Decimal) -> int | float | Decimal:
    """The exact sum of two numbers, however many digits it has; a float where that is the same number.

    A large whole sum is an int: written as a float, 1.2345678901234549e17 is read back as 123456789012345490.
    """
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    total = _EXACT.add(_decimal(one), _decimal(other))
    rounded = float(total)
    if LARGEST_EXACT < abs(rounded) < math.inf and total == total.to_integral_value() and _digits(total) <= MAX_DIGITS:
        return int(total)
    return rounded if math.isfinite(rounded) and _decimal(rounded) == total else total


def _digits(number: Decimal) -> int:
    return len(number.normalize(_EXACT).as_tuple().digits)


def _decimal(number: float | Decimal) -> Decimal:
    """The number as it is written: 0.1 is a tenth, not the float next to it."""
    return number if isinstance(number, Decimal) else Decimal(repr(number))
