"""What of a template is plain: literals, and paths that are printed as they are. It is filled in without the engine, 20 times as fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path, PositionalArgument, StringLiteral
from liquid.builtin.output import OutputNode
from markupsafe import Markup

from app.lib.conversions import follow, is_blank
from app.lib.translation import LINE, gettext, of_stored

Data = Mapping[str, Any]


class LiquidError(Exception):
    """A template does not parse or could not be rendered. `line` counts from 1; 0 when there is no place to name."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.message, self.line = message, line
        shown = of_stored(message)  # in English where it comes from a child that renders
        super().__init__(gettext(LINE, line=line, message=shown) if line else shown)

    def __reduce__(self) -> tuple[type[LiquidError], tuple[str, int]]:
        return LiquidError, (self.message, self.line)


class MissingValue(LiquidError):
    """A placeholder that must be filled (`or_fail`) found nothing: trying again would not help."""

    def __reduce__(self) -> tuple[type[LiquidError], tuple[str, int]]:
        return MissingValue, (self.message, self.line)


Segments = tuple[str | int, ...]
_SPECIAL = {"size", "first", "last"}
BUILT_IN = {"now", "today"}


def static_path(expression: object) -> Segments:
    """The segments of a path without filters and without paths inside it, else ()."""
    if not isinstance(expression, FilteredExpression) or expression.filters or not isinstance(expression.left, Path):
        return ()
    segments = tuple(part for part in expression.left.path if isinstance(part, str | int))
    return segments if len(segments) == len(expression.left.path) else ()


@dataclass(frozen=True, slots=True)
class PathPiece:
    """A path of a template, and the text that stands for a missing or empty value; None when no filter `default` says one.

    `required`: there must be a value.
    """

    path: Segments
    default: str | None = None
    required: bool = False

    def of(self, data: Data) -> Any:
        """The value. Raises MissingValue."""
        value: Any = follow(data, self.path)
        if self.required and is_blank(value):
            raise MissingValue(gettext("there is no value for %(path)s", path=".".join(map(str, self.path))))
        return value


Pieces = list[str | PathPiece]


def pieces_of(nodes: list[Any], *, html: bool) -> Pieces | None:
    """Literals, paths, and paths with a default, when a template is nothing else; None when it takes the engine to render it."""
    pieces: Pieces = []
    for node in nodes:
        if isinstance(node, ContentNode):
            pieces.append(node.text)
            continue
        value = _path_piece(node.expression, html=html) if isinstance(node, OutputNode) else None
        if value is None:
            return None
        pieces.append(value)
    return pieces


def _path_piece(expression: object, *, html: bool) -> PathPiece | None:
    """`path`, `path | default: "text"` or `path | or_fail`; None for anything else. Text of the template counts as safe."""
    default: str | None = None
    required = False
    if isinstance(expression, FilteredExpression) and expression.filters:
        filter_names = [one.name for one in expression.filters]
        required = filter_names == ["or_fail"] and not expression.filters[0].args
        if required:
            expression = FilteredExpression(expression.token, expression.left)
        elif filter_names != ["default"]:
            return None
    if isinstance(expression, FilteredExpression) and expression.filters:
        arguments = expression.filters[0].args
        literal = getattr(arguments[0], "value", None) if len(arguments) == 1 else None
        if not (isinstance(literal, StringLiteral) and isinstance(arguments[0], PositionalArgument)):
            return None
        default = Markup(literal.value) if html else str(literal.value)  # noqa: S704  of the template itself
        expression = FilteredExpression(expression.token, expression.left)
    path = static_path(expression)
    if not path or path[0] in BUILT_IN or not isinstance(path[0], str) or _SPECIAL.intersection(path):
        return None
    return PathPiece(path, default, required)
