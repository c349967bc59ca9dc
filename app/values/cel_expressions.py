"""CEL, the Common Expression Language: what conditions and transforms are written in where forms and Liquid are not enough.

It knows no loops without end, no files and no Python: every expression stops after a fixed number of turns. Data is plain JSON. Whole
numbers and decimal ones calculate with each other, which CEL alone refuses: JSON does not tell 2 from 2.0.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cel_expr_python import cel

from app.lib import clock
from app.lib.translation import gettext, translatable

MAX_LENGTH = 10_000
ROOTS = ("contact", "event", "steps", "vars", "workspace")
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_STRING = r"""[rR]?(?:"{3}[\s\S]*?"{3}|'{3}[\s\S]*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_READ = re.compile(
    rf"""{_STRING}|//[^\n]*|(?<![\w.])({"|".join(ROOTS)})\b((?:\s*\.\s*[A-Za-z_]\w*+(?!\s*\()|\s*\[\s*(?:"[^"\\]*"|'[^'\\]*'|\d+)\s*\])*)"""
)
_NAME = re.compile(r"""\.\s*(\w+)|"([^"\\]*)"|'([^'\\]*)'|(\d+)""")
_KINDS = {
    "int64": (_WHOLE := translatable("a whole number")), "int": _WHOLE, "uint64": _WHOLE, "double": translatable("a number"),
    "string": translatable("text"), "bool": translatable("yes or no"), "map": translatable("an object"),
    "list": translatable("a list"), "null_type": translatable("nothing"), "timestamp": translatable("a time"),
    "duration": translatable("a duration"), "dyn": translatable("anything"), "bytes": translatable("bytes"),
}  # fmt: skip
_ELSE = translatable("something else")
_SIGNS = {"_&&_": "&&", "_||_": "||", "!_": "!", "-_": "-", "_?_:_": "? :", "@in": "in", "<jump_condition>": "? :"}


class BadExpression(ValueError):
    """An expression that cannot be understood; the message says where and why."""


class ExpressionFailed(ValueError):
    """An expression that comes to nothing for this data; the message says why."""


def _mixed() -> cel.CelExtension:
    """Operators between whole and decimal numbers."""
    functions = []
    signs: tuple[tuple[str, str, Callable[[Any, Any], float]], ...] = (
        ("_+_", "add", operator.add), ("_-_", "subtract", operator.sub), ("_*_", "multiply", operator.mul), ("_/_", "divide", _divided),
    )  # fmt: skip
    for sign, word, does in signs:
        overloads = [
            cel.Overload(
                id=f"{word}_{first}_{second}_mixed",
                return_type=cel.Type.DOUBLE,
                parameters=[getattr(cel.Type, first.upper()), getattr(cel.Type, second.upper())],
                is_member=False,
                impl=does,
            )
            for first, second in (("double", "int"), ("int", "double"))
        ]
        functions.append(cel.FunctionDecl(sign, overloads))
    return cel.CelExtension("mixed_numbers", functions)


def _divided(one: float, other: float) -> float:
    return one / other if other else math.nan


@functools.cache
def _environment() -> cel.Env:
    variables = {**dict.fromkeys(ROOTS, cel.Type.DYN), "now": cel.Type.TIMESTAMP}
    return cel.NewEnv(variables=variables, extensions=[_mixed()])


class CompiledExpression:
    """An expression that is understood. `paths`: what it may read of the data, `contact.plan`; a lone root means: any of it."""

    __slots__ = ("_expression", "paths", "returns_boolean")

    def __init__(self, source: str) -> None:
        if len(source) > MAX_LENGTH:
            raise BadExpression(
                gettext("An expression has at most %(max_length)s characters.", max_length=f"{MAX_LENGTH:,}")
            )
        if not source.strip():
            raise BadExpression(gettext("Write an expression."))
        try:
            self._expression = _environment().compile(source)
        except RuntimeError as error:
            raise BadExpression(_understood(str(error), source)) from error
        self.paths = frozenset(_paths(source))
        self.returns_boolean = self._expression.return_type().name() in ("BOOL", "DYN")
        """May it answer yes or no?"""

    def evaluate(self, data: Mapping[str, Any]) -> Any:
        """The value for `data`, as JSON. Raises ExpressionFailed."""
        known = {root: data.get(root) or {} for root in ROOTS}
        # An empty field of a contact is missing, as an attribute is that nobody set: has(contact.phone).
        known["contact"] = {name: value for name, value in known["contact"].items() if value is not None}
        value = self._evaluate(known)
        if _is_failure(value) and "out of range" in str(value.plain_value()):  # also of what is not looked at
            value = self._evaluate({root: _within_range(values) for root, values in known.items()})
        if _is_failure(value):
            raise ExpressionFailed(_failure(str(value.plain_value())))
        return _json(value.plain_value())

    def _evaluate(self, known: dict[str, Any]) -> cel.Value:
        try:
            return self._expression.eval(data={**known, "now": clock.now()})
        except RuntimeError as error:
            raise ExpressionFailed(_failure(str(error))) from error


def _is_failure(value: cel.Value) -> bool:
    return bool(value.type().name() == "ERROR")


def _within_range(value: Any) -> Any:
    """Numbers as CEL knows them: whole ones of 64 bits, and floats."""
    if isinstance(value, dict):
        return {str(name): _within_range(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_within_range(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value) if value.bit_length() < 1024 else None
    return value


@functools.lru_cache(1_000)
def compile_expression(source: str) -> CompiledExpression:
    """Compile CEL. Raises BadExpression. Cached by content."""
    return CompiledExpression(source)


def _paths(source: str) -> Iterator[str]:
    """What may be read: an index of a list and a name of an object are both names of a path."""
    for match in _READ.finditer(source):
        if match[1]:
            names = ["".join(filter(None, groups)) for groups in _NAME.findall(match[2])]
            yield ".".join([match[1], *names])


def _json(value: Any) -> Any:
    """A result as JSON. Raises ExpressionFailed."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionFailed(gettext("It comes to a number without end; perhaps something is divided by 0."))
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(_json(key)): _json(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    raise ExpressionFailed(
        gettext("It comes to something that cannot be kept: use text, numbers, lists, objects, times, yes or no.")
    )


# Errors in words ---------------------------------------------------------------------------------------------------


def _understood(error: str, source: str) -> str:
    """What keeps an expression from being understood, with its place."""
    match = _PLACE.search(error)
    if match is None:
        nested = "recursion" in error or "nest" in error.lower()
        return gettext("This is nested too deeply.") if nested else gettext("This cannot be understood.")
    line, column, reason = int(match[1]), int(match[2]), match[3]
    place = (
        gettext("Line %(line)s, character %(column)s", line=line, column=column)
        if "\n" in source
        else gettext("At character %(column)s", column=column)
    )
    is_call = source.split("\n")[line - 1][column - 1 : column] == "("
    return f"{place}: {_reason(reason, is_call=is_call)}"


def _reason(reason: str, *, is_call: bool) -> str:
    if match := re.match(r"undeclared reference to '([^']*)'", reason):
        name = match[1]
        if is_call:
            return gettext("there is no function called %(name)s.", name=name)
        return gettext("there is nothing called %(name)s. Begin with contact., event., steps. or vars.", name=name)
    if "<EOF>" in reason.partition("expecting")[0]:
        return gettext("this ends too early.")
    if match := re.search(r"(?:input|recognition error at:) '(.+?)'(?: expecting|$)", reason):
        return gettext("“%(match)s” is not expected here.", match=match[1].strip()[:40])
    if "no matching overload" in reason:
        return _overload(reason)
    return gettext("this cannot be understood.")


def _overload(reason: str) -> str:
    """`found no matching overload for '_+_' applied to '(string, int)'`, `No matching overloads found : _+_(double, int64)`."""
    match = re.search(r"for '([^']+)' applied to '\(?(.*?)\)?'", reason) or re.search(
        r"found : (?:\([^)]*\)\.)?([^\s(]+)(?:\((.*)\))?", reason
    )
    if match is None:
        return gettext("the kinds of these values do not fit each other.")
    sign = _SIGNS.get(match[1]) or match[1].strip("_")
    kinds = [
        gettext(_KINDS.get(re.split(r"[(<]", kind.strip())[0].lower(), _ELSE))
        for kind in (match[2] or "").split(",")
        if kind
    ]
    if not kinds:
        return gettext("“%(sign)s” does not fit the kind of this value.", sign=sign)
    return gettext("“%(sign)s” does not work with %(kinds)s.", sign=sign, kinds=gettext(" and ").join(kinds))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _failure(error: str) -> str:
    """What keeps an expression from coming to something."""
    if match := re.search(r'Key not found in map : "(.*)"', error):
        return gettext("There is no “%(name)s”. Ask has(…) first where it may be missing.", name=match[1])
    if "SELECT to non-message" in error:
        return gettext("A name is asked of a value that has none inside. Ask has(…) first where it may be missing.")
    if match := re.search(r"index=(-?\d+) size=(\d+)", error):
        return gettext("There is no item %(number)s: the list has %(count)s.", number=match[1], count=match[2])
    if "divide by zero" in error or "modulus by zero" in error:
        return gettext("Nothing can be divided by 0.")
    if "Iteration budget" in error:
        return gettext("This goes through too many items.")
    if "overflow" in error or "out of range" in error:
        return gettext("A number here is too large.")
    if match := re.search(r"cannot convert (\w+) to (\w+)", error):
        return gettext(
            "%(match)s here cannot be read as %(match_2)s.",
            match=_capital(gettext(_KINDS.get(match[1], match[1]))),
            match_2=gettext(_KINDS.get(match[2], match[2])),
        )
    if match := re.search(r"String to (Timestamp|Duration) conversion", error):
        return gettext("A text here is no time." if match[1] == "Timestamp" else "A text here is no duration.")
    if "No matching overload" in error:
        return _capital(_overload(error))
    return gettext("This comes to nothing for this contact.")
