"""Liquid with hard limits: the only template language for text that people write (mails, subjects, values of nodes).

`compile_text` for text and HTML, `compile_value` for node settings where a lone ``{{ path }}`` keeps its type. Nothing here can
reach Python objects, files or other templates: data is plain JSON, and what a template printed is never rendered again.
Stock python-liquid stops loop and output bombs; filter chains, loops in a row and huge integers are stopped here.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import liquid as engine
from liquid import exceptions as liquid_errors
from liquid.token import Token

from app.lib import clock
from app.lib.conversions import follow, quoted
from app.lib.formats import number
from app.lib.translation import gettext
from app.liquid.filters import FILTERS, REMOVED, RequiredMissing, TooMuch, weigh
from app.liquid.html import forbidden_output, refused_link
from app.liquid.lexer import LineTag, tokens
from app.liquid.pieces import BUILT_IN, Data, PathPiece, Pieces, Segments, pieces_of, static_path
from app.liquid.pieces import LiquidError as LiquidError
from app.liquid.pieces import MissingValue as MissingValue
from app.liquid.values import (
    PrintedCycle,
    PrintedEcho,
    PrintedOutput,
    as_json_value,
    for_text_filter,
    liquid_text,
    takes_text,
)
from app.liquid.wording import NESTED, plain, refused_in_words

SOURCE_LIMIT = 256 * 1024
OUTPUT_LIMIT = 512 * 1024
_LONGEST_DEFAULTED = 1000
"""Characters of a value with a default that is printed without the engine, which weighs what a filter is given."""
SECONDS = 1.0
"""CPU time of one rendering. The other limits keep any single operation far below it."""


class _Context(engine.RenderContext):
    """Counts loop turns of the whole rendering, not only of nested loops, and looks at the clock in each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turns = 0
        self.deadline: float | None = None
        """From the first loop or filter on: nothing before takes long."""

    def check_time(self) -> None:
        now = time.thread_time()
        if self.deadline is None:
            self.deadline = now + SECONDS
        elif now > self.deadline:
            raise TooMuch(gettext("this takes too long; make loops and filter chains shorter"))

    @contextmanager
    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Iterator[engine.RenderContext]:
        self.turns += forloop.length
        if self.turns > _Environment.loop_iteration_limit:
            raise TooMuch(
                gettext("loops may run %(number)s times in all", number=number(_Environment.loop_iteration_limit))
            )
        forloop.it = self._watched(forloop.it)
        with super().loop(namespace, forloop) as context:
            yield context

    def get_item(self, obj: Any, key: Any) -> Any:
        """`a.0` and `a[0]` are one place, in lists and in objects that have such a name."""
        if isinstance(key, int) and isinstance(obj, dict):
            key = str(key)
        elif isinstance(key, str) and isinstance(obj, list) and key.isdecimal() and len(key) < 10:
            key = int(key)
        return super().get_item(obj, key)

    def _watched(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self.check_time()
            yield item


class _Template(engine.BoundTemplate):
    context_class = _Context


class _Environment(engine.Environment):
    loop_iteration_limit = 20_000
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = 100_000
    context_depth_limit = 20
    block_nesting_limit = 20
    shorthand_indexes = True
    template_class = _Template

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return tokens


_FAULTS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def _guarded(name: str, function: Any) -> Any:
    """The filter with its input, estimate and output weighed, the clock checked, and its errors in words."""
    text = takes_text(function)
    wants_context = getattr(function, "with_context", False)
    wants_environment = getattr(function, "with_environment", False)

    def guarded(value: object, *args: Any, context: _Context, **kwargs: Any) -> Any:
        context.check_time()
        weigh(value, *args)
        if wants_context:
            kwargs["context"] = context
        if wants_environment:
            kwargs["environment"] = context.env
        if text:
            value, args = for_text_filter(value), tuple(map(for_text_filter, args))
        try:
            result = function(value, *args, **kwargs)
        except liquid_errors.LiquidError as error:
            if isinstance(error.__cause__, _FAULTS):
                message = refused_in_words(name, value, error.__cause__)
                raise liquid_errors.FilterArgumentError(message, token=None) from error
            raise
        except _FAULTS as error:
            raise liquid_errors.FilterArgumentError(refused_in_words(name, value, error), token=None) from error
        weigh(result)
        return result

    guarded.with_context = True  # type: ignore[attr-defined]
    return guarded


def _environment(*, html: bool) -> _Environment:
    environment = _Environment(autoescape=html)
    for name in ("include", "render"):
        del environment.tags[name]
    for name in REMOVED:
        environment.filters.pop(name, None)
    environment.filters.update(FILTERS)
    for tag in (PrintedOutput, PrintedEcho, PrintedCycle, LineTag):
        environment.add_tag(tag)
    environment.filters = {name: _guarded(name, function) for name, function in environment.filters.items()}
    return environment


_TEXT, _HTML = _environment(html=False), _environment(html=True)


def filter_names() -> list[str]:
    """Filters that texts may use, in alphabetical order."""
    return sorted(_HTML.filters)


def _translate(error: Exception) -> LiquidError:
    if not isinstance(error, liquid_errors.LiquidError):
        return LiquidError(gettext(NESTED) if isinstance(error, RecursionError) else gettext("this cannot be read"))
    if isinstance(error.__cause__, RecursionError):
        return LiquidError(gettext(NESTED))
    line = 0
    if error.token is not None and error.token.start_index >= 0:
        line = error.token.source.count("\n", 0, error.token.start_index) + 1
    kind = MissingValue if isinstance(error, RequiredMissing) else LiquidError
    return kind(plain(str(error.message)) if error.message else gettext("this cannot be read"), line)


_OF_THE_READER = {"date", "money"}
"""Filters that write as the contact does, so they read the contact too."""


_FAULTS_OF_RENDERING = (liquid_errors.LiquidError, RecursionError, ArithmeticError, ValueError, TypeError)


class CompiledText:
    """A parsed template. `paths`: what it reads of the data, `contact.attributes.plan`; a lone root means: any of it."""

    __slots__ = ("_html", "_pieces", "_template", "paths")

    def __init__(self, template: engine.BoundTemplate, paths: frozenset[str], html: bool) -> None:
        self._template, self.paths, self._html = template, paths, html
        self._pieces = pieces_of(template.nodes, html=html)

    def render(self, data: Data) -> str:
        """The text for `data` (plain JSON values). Raises LiquidError."""
        joined = self._joined(self._pieces, data) if self._pieces is not None else None
        rendered = joined if joined is not None else self._rendered(data)
        if self._html and (link := refused_link(rendered)):
            raise LiquidError(
                gettext("the link %(link)s is refused: use http, https, mailto or tel", link=quoted(link, 80))
            )
        return rendered

    def _joined(self, pieces: Pieces, data: Data) -> str | None:
        """Text with bare paths in it needs no template engine: 20 times as fast, the same result.

        None where a default stands and the value is neither text nor missing: the engine knows what counts as empty.
        """
        texts = list[str]()
        for piece in pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            value = piece.of(data)
            if piece.default is not None:
                if value is None or value == "":
                    value = piece.default
                elif type(value) is not str or len(value) > _LONGEST_DEFAULTED:
                    return None
            texts.append(liquid_text(value, self._html))
        if sum(map(len, texts)) > OUTPUT_LIMIT:
            raise LiquidError(plain("output stream limit reached"))
        return "".join(texts)

    def _rendered(self, data: Data) -> str:
        now = clock.now()
        try:
            return self._template.render({"now": now, "today": now, **data})
        except _FAULTS_OF_RENDERING as error:
            raise _translate(error) from error

    @property
    def is_lone(self) -> bool:
        """Is it one `{{ … }}` and nothing else?"""
        nodes = self._template.nodes
        return len(nodes) == 1 and type(nodes[0]) is PrintedOutput.node_class

    def evaluate(self, data: Data) -> Any:
        """What the only expression of a lone template comes to, its kind kept; None for nothing. Raises LiquidError."""
        only = self._pieces[0] if self._pieces else None
        if isinstance(only, PathPiece) and only.default is None:
            return only.of(data)
        template, now = self._template, clock.now()
        context = template.context_class(template, globals=template.make_globals({"now": now, "today": now, **data}))
        try:
            value = template.nodes[0].expression.evaluate(context)  # type: ignore[attr-defined]
        except _FAULTS_OF_RENDERING as error:
            raise _translate(error) from error
        return as_json_value(value)


def _dotted(segments: list[Any]) -> str:
    path = []
    for segment in segments:
        if isinstance(segment, list):
            break
        path.append(str(segment))
    return ".".join(path)


def compile_text(source: str, *, html: bool) -> CompiledText:
    """Parse `source`; with `html` values are escaped and dangerous links refused. Raises LiquidError. Cached by content."""
    return _compile(source, html)


@functools.lru_cache(maxsize=512)
def _compile(source: str, html: bool) -> CompiledText:
    if len(source.encode()) > SOURCE_LIMIT:
        raise LiquidError(gettext("a template may have at most %(number)s KB", number=SOURCE_LIMIT // 1024))
    environment = _HTML if html else _TEXT
    try:
        template = environment.from_string(source)
        analysis = template.analyze(include_partials=False)
    except (liquid_errors.LiquidError, RecursionError) as error:
        translated = _translate(error)
        if not translated.line and str(getattr(error, "message", "")).endswith("found end of expression"):
            translated = LiquidError(
                translated.message, source.count("\n") + 1
            )  # a block left open: the end of the text
        raise translated from error
    for name, spans in analysis.filters.items():
        if name not in environment.filters:
            why = gettext("there is no filter called %(name)s", name=quoted(name))
            raise LiquidError(why, source.count("\n", 0, spans[0].index) + 1)
    if html and (refusal := forbidden_output(source, strict=False))[0]:
        raise LiquidError(refusal[1], refusal[0])
    paths = {_dotted(variable.segments) for variables in analysis.globals.values() for variable in variables}
    for name in _OF_THE_READER.intersection(analysis.filters):
        paths |= {"contact.locale", "contact.timezone"} if name == "date" else {"contact.locale"}
    return CompiledText(template, frozenset(paths - {"now", "today"}), html)


def check_output(source: str) -> None:
    """Look at every place of an HTML template where a value stands, as is done when one is saved. Raises LiquidError."""
    line, why = forbidden_output(source, strict=True)
    if why:
        raise LiquidError(why, line)


class CompiledValue:
    """A setting of a node: a constant, one expression with its type kept, or text."""

    __slots__ = ("_constant", "_segments", "_text", "paths")

    def __init__(self, source: str) -> None:
        self._constant: str | None = None
        self._segments: Segments = ()
        self._text: CompiledText | None = None
        self.paths: frozenset[str] = frozenset()
        if "{{" not in source and "{%" not in source:
            self._constant = source
            return
        text = compile_text(source, html=False)
        self.paths = text.paths
        self._segments = _lone_path(source)
        if not self._segments:
            stripped = compile_text(source.strip(), html=False)
            self._text = stripped if stripped.is_lone else text

    @property
    def is_lone(self) -> bool:
        """Is it one expression, whose kind is kept?"""
        return bool(self._segments) or (self._text is not None and self._text.is_lone)

    def render(self, data: Data) -> Any:
        """The value for `data`; None when a lone path leads nowhere. Raises LiquidError."""
        if self._text is not None:
            return self._text.evaluate(data) if self._text.is_lone else self._text.render(data)
        return follow(data, self._segments) if self._segments else self._constant


@functools.lru_cache(maxsize=4096)
def compile_value(source: str) -> CompiledValue:
    """Compile a node setting. Raises LiquidError."""
    return CompiledValue(source)


_LONE = re.compile(r"\s*\{\{-?[^{}|]+-?\}\}\s*")


def _lone_path(source: str) -> Segments:
    """The segments when `source` is exactly one ``{{ path }}`` without filters, else ()."""
    if not _LONE.fullmatch(source):
        return ()
    nodes = _TEXT.from_string(source.strip()).nodes
    path = static_path(getattr(nodes[0], "expression", None)) if len(nodes) == 1 else ()
    return () if path and path[0] in BUILT_IN else path
