"""Where a template is text and where it is Liquid, told in one pass.

python-liquid's own lexer is a regular expression that looks for the end of every `{{` again: 8 KB of `{{` take it four seconds. This
one gives the parser the same tokens, and refuses an opening without its end, and thousands of tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from liquid.builtin.tags.liquid_tag import LiquidTag
from liquid.exceptions import LiquidSyntaxError
from liquid.token import (
    TOKEN_COMMENT,
    TOKEN_CONTENT,
    TOKEN_DOC,
    TOKEN_EOF,
    TOKEN_EXPRESSION,
    TOKEN_OUTPUT,
    TOKEN_TAG,
    Token,
)

from app.lib.formats import number
from app.lib.translation import gettext

MARKS_LIMIT = 5_000
"""Placeholders and tags of one template. A mail with a hundred products has some 500."""
EXPRESSION_LIMIT, BRACKETS_LIMIT = 8_000, 50
"""Characters and opening brackets between `{{` and `}}`. For each bracket the engine looks through all that is behind it."""
_NAME = re.compile(r"#|\w+")
_ENDS = {
    "raw": re.compile(r"\{%-?\s*endraw\s*(-?)%\}"),
    "doc": re.compile(r"\{%-?\s*enddoc\s*(-?)%\}"),
}
_LINE = re.compile(r"[ \t]*(#|\w+)[ \t]*")


@dataclass(slots=True)
class Mark:
    """A piece of Liquid at `start` to `end` of a template. `name` is that of a tag; `inner` its content, at offset `at`.

    `raw` and `doc` are one mark with all that they enclose; `open` is an opening whose end is missing.
    """

    kind: Literal["output", "tag", "raw", "doc", "open"]
    start: int
    end: int
    name: str = ""
    inner: str = ""
    at: int = 0
    trims: bool = False
    """Does it take the blanks behind it away, `-%}`?"""


class _Finder:
    """`str.find` that looks for what is not there only once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._gone: set[str] = set()

    def find(self, wanted: str, at: int) -> int:
        position = -1 if wanted in self._gone else self.source.find(wanted, at)
        if position < 0:
            self._gone.add(wanted)
        return position

    def search(self, name: str, at: int) -> re.Match[str] | None:
        match = None if name in self._gone else _ENDS[name].search(self.source, at)
        if match is None:
            self._gone.add(name)
        return match


def marks(source: str) -> Iterator[Mark]:
    """The Liquid of a template, in order. Raises LiquidSyntaxError for more than anybody needs."""
    finder, at, count = _Finder(source), 0, 0
    while (start := _opening(finder, at)) >= 0:
        count += 1
        if count > MARKS_LIMIT:
            raise _refused(
                gettext("a template may have at most %(number)s placeholders and tags", number=number(MARKS_LIMIT)),
                source,
                start,
            )
        mark = _output(finder, start) if source.startswith("{{", start) else _tag(finder, start)
        if mark.kind in ("output", "tag") and mark.name != "liquid":
            _check(mark.inner, source, start)
        yield mark
        at = mark.end


def _check(expression: str, source: str, at: int) -> None:
    if len(expression) > EXPRESSION_LIMIT:
        most = number(EXPRESSION_LIMIT)
        raise _refused(gettext("a placeholder may have at most %(number)s characters", number=most), source, at)
    if expression.count("(") + expression.count("[") > BRACKETS_LIMIT:
        why = gettext("a placeholder may have at most %(number)s brackets", number=BRACKETS_LIMIT)
        raise _refused(why, source, at)


def _opening(finder: _Finder, at: int) -> int:
    places = [place for place in (finder.find("{{", at), finder.find("{%", at)) if place >= 0]
    return min(places, default=-1)


def _inside(source: str, start: int, end: int) -> tuple[int, int, bool]:
    """Where the content of a mark begins and ends, without its hyphens, and whether there is one at its end."""
    begin = start + 2 + source.startswith("-", start + 2, end)
    trims = end > begin and source[end - 1] == "-"
    return begin, end - trims, trims


def _output(finder: _Finder, start: int) -> Mark:
    end = finder.find("}}", start + 2)
    if end < 0:
        return Mark("open", start, start + 2)
    begin, last, trims = _inside(finder.source, start, end)
    inner = finder.source[begin:last]
    at = begin + len(inner) - len(inner.lstrip())
    return Mark("output", start, end + 2, "", inner.strip(), at, trims)


def _tag(finder: _Finder, start: int) -> Mark:
    source = finder.source
    end = finder.find("%}", start + 2)
    if end < 0:
        return Mark("open", start, start + 2)
    begin, last, trims = _inside(source, start, end)
    inner = source[begin:last]
    begin += len(inner) - len(inner.lstrip())
    inner = inner.strip()
    name = _NAME.match(inner)
    if name is None:
        return Mark("open", start, start + 2)
    arguments = inner[name.end() :]
    if arguments == "" and name[0] in _ENDS and (closed := finder.search(name[0], end + 2)):
        kind: Literal["raw", "doc"] = "raw" if name[0] == "raw" else "doc"
        return Mark(kind, start, closed.end(), name[0], source[end + 2 : closed.start()], end + 2, trims)
    at = begin + name.end() + len(arguments) - len(arguments.lstrip())
    return Mark("tag", start, end + 2, name[0], arguments.strip(), at, trims)


def _refused(message: str, source: str, at: int) -> LiquidSyntaxError:
    return LiquidSyntaxError(message, token=Token(TOKEN_EOF, "", start_index=at, source=source))


def tokens(source: str) -> Iterator[Token]:
    """What the parser of python-liquid takes."""
    at, trims, depth = 0, False, 0
    comment: list[str] = []
    comment_at = 0
    for mark in [*marks(source), None]:
        text = source[at : mark.start if mark else len(source)]
        at = mark.end if mark else len(source)
        if depth:
            comment.append(text)
        elif text := _trimmed(text, trims, mark is not None and source.startswith("-", mark.start + 2)):
            yield Token(TOKEN_CONTENT, text, start_index=(mark.start if mark else at) - len(text), source=source)
        if mark is None:
            break
        if depth:
            depth += (mark.kind == "tag") * ((mark.name == "comment") - (mark.name == "endcomment"))
            if depth:
                comment.append(source[mark.start : mark.end])
                continue
            yield Token(TOKEN_COMMENT, "".join(comment), start_index=comment_at, source=source)
            yield Token(TOKEN_TAG, mark.name, start_index=mark.start, source=source)
            trims = mark.trims
            continue
        trims = mark.trims
        if mark.kind == "tag" and mark.name == "comment":
            depth, comment, comment_at = 1, [], mark.end
        yield from _of_mark(mark, source)


def _trimmed(text: str, left: bool, right: bool) -> str:
    text = text.lstrip() if left else text
    return text.rstrip() if right else text


def _of_mark(mark: Mark, source: str) -> Iterator[Token]:
    if mark.kind == "open":
        output = source.startswith("{{", mark.start)
        why = gettext("“}}” is missing") if output else gettext("the name of a tag or “%}” is missing")
        raise _refused(why, source, mark.start)
    if mark.kind in ("raw", "doc"):
        kind = TOKEN_CONTENT if mark.kind == "raw" else TOKEN_DOC
        yield Token(kind, mark.inner, start_index=mark.at, source=source)
        return
    output = mark.kind == "output"
    value = source[mark.start : mark.end] if output else mark.name
    yield Token(TOKEN_OUTPUT if output else TOKEN_TAG, value, start_index=mark.start, source=source)
    if output or mark.inner:
        yield Token(TOKEN_EXPRESSION, mark.inner, start_index=mark.at, source=source)


class LineTag(LiquidTag):
    """`{% liquid %}`, a tag on each line, read line by line."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._tokenize = partial(_of_lines)


def _of_lines(source: str, token: Token) -> Iterator[Token]:
    at = token.start_index
    for line in source.split("\n"):
        if name := _LINE.match(line):
            yield Token(TOKEN_TAG, name[1], start_index=at + name.start(1), source=token.source)
            if expression := line[name.end() :].rstrip(" \t\r"):
                _check(expression, token.source, at)
                yield Token(TOKEN_EXPRESSION, expression, start_index=at + name.end(), source=token.source)
        elif line.strip():
            raise _refused(gettext("each line begins with the name of a tag"), token.source, at)
        at += len(line) + 1
