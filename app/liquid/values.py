"""How values behave in Liquid: what they print, how they compare, and which words an operation on the wrong kind of value gets.

Stock python-liquid prints and compares as Python does (`{'x': 1}`, `'<' not supported between …`). Here everything reads as
`app.lib.conversions` says, so that a mail says of a value what a condition and a page say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date
from decimal import Decimal
from typing import Any, TextIO

from liquid import RenderContext
from liquid.builtin.expressions import logical
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.filter import string_filter
from liquid.undefined import Undefined
from markupsafe import Markup, escape

from app.lib.conversions import as_instant, as_number, plain_json, printed

Filter = Callable[..., Any]


def liquid_text(value: Any, autoescape: bool) -> str:
    """What `{{ value }}` prints; escaped for HTML when asked, except what is marked as safe already."""
    if not autoescape:
        return value if isinstance(value, str) else printed(value)
    if isinstance(value, list | tuple) and any(isinstance(item, Markup) for item in value):
        return Markup(", ").join(liquid_text(item, True) for item in value)
    return escape(value if isinstance(value, str) else printed(value))


def as_json_value(value: Any) -> Any:
    """What an expression came to, as a value of JSON: nothing is None, text is plain, dates are as they print."""
    if isinstance(value, Undefined):
        return None
    if isinstance(value, Markup):
        return str(value)
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return int(value) if whole else float(value) if Decimal(repr(float(value))) == value else value
    if isinstance(value, range):
        return list(value)
    return plain_json(value)


class _Printed(OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(liquid_text(self.expression.evaluate(context), context.autoescape))


class _Echoed(EchoNode, _Printed):
    render_to_output = _Printed.render_to_output


class _Cycled(CycleNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        group = printed(self.group.evaluate(context)) if self.group else ""
        items = [item.evaluate(context) for item in self.args]
        place = context.cycle((group, printed(items)) if self.group_by_args or not group else group, len(items))
        return buffer.write(liquid_text(items[place], context.autoescape)) if place < len(items) else 0


class PrintedOutput(Output):
    """`{{ … }}`."""

    node_class = _Printed


class PrintedEcho(EchoTag):
    """`{% echo … %}`."""

    node_class = _Echoed


class PrintedCycle(CycleTag):
    """`{% cycle … %}`."""

    node_class = _Cycled


# Comparisons -------------------------------------------------------------------------------------------------------


def _ordered(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both as something that has an order: dates, numbers, text. None when they have none in common."""
    if hasattr(left, "__liquid__"):
        left = left.__liquid__()
    if hasattr(right, "__liquid__"):
        right = right.__liquid__()
    if isinstance(left, date) or isinstance(right, date):
        left_value, right_value = as_instant(left, UTC), as_instant(right, UTC)
    elif isinstance(left, str) and isinstance(right, str):
        return str(left), str(right)
    else:
        left_value, right_value = as_number(left), as_number(right)  # type: ignore[assignment]
    return None if left_value is None or right_value is None else (left_value, right_value)


def _less(token: Any, left: Any, right: Any) -> bool:
    pair = _ordered(left, right)
    return pair is not None and bool(pair[0] < pair[1])


def _at_most(left: Any, right: Any) -> bool:
    pair = _ordered(left, right)
    return pair is not None and bool(pair[0] <= pair[1])


def _holds(token: Any, left: Any, right: Any) -> bool:
    if not logical.is_truthy(left) or not logical.is_truthy(right):
        return False
    if isinstance(left, str):
        return printed(right) in left
    return isinstance(left, list | tuple | dict | range) and right in list(left)


# The parser makes its comparisons itself and has no place to hand others in. Nothing else here uses python-liquid.
logical._lt, logical._le, logical._contains = _less, _at_most, _holds


# Filters ------------------------------------------------------------------------------------------------

_TAKES_TEXT = string_filter(lambda value: value).__code__


def takes_text(function: Filter) -> bool:
    """Is it a stock filter that turns whatever it is given into text, in Python's way?"""
    return getattr(function, "__code__", None) is _TAKES_TEXT


def for_text_filter(value: Any) -> Any:
    """A value or argument as such a filter should see it. Whole numbers stay: they are positions and lengths."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return "" if isinstance(value, Undefined) else printed(value)
