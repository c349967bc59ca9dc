"""What auto-escaping cannot see: links that run code, and values where they would be code: in scripts, styles and handlers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.lib.html_tokens import Piece, pieces, unescaped
from app.lib.translation import gettext, translatable
from app.liquid.lexer import Mark, marks

_LINKS = ("href", "src", "action", "formaction", "background", "poster", "srcset")
"""Attributes that lead somewhere."""
_IS_LINK = re.compile(rf"\b(?:{'|'.join(_LINKS)})\Z", re.IGNORECASE)
_NAME_ROOM = max(map(len, _LINKS)) + 1
_TARGET = re.compile(r"=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"']+)")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_BLANK = re.compile(r"[\x00-\x20]+")
_ALLOWED = {"http", "https", "mailto", "tel", "sms", "cid", "geo"}
_PRINTS = {"echo", "cycle", "increment", "decrement"}
"""Tags that print a value, beside `{{ }}`."""
_VALUE, _BLANKS = "\x01", " "
IN_CODE = translatable("no values inside <script> or <style>: they cannot be made safe there")
IN_HANDLER = translatable("no values inside %(name)s: what stands there is run as code")
UNQUOTED = translatable(
    "put quotes around the value of %(name)s, as in %(written)s: a value with a blank in it would begin another attribute"
)
AS_NAME = translatable("no values in place of the name of an element or an attribute")


def refused_link(rendered: str) -> str:
    """The first link whose scheme could run code (`javascript:`, `data:` …), or ''."""
    for written in _links(rendered):
        target = _BLANK.sub("", unescaped(written.strip("\"'"))).lower()
        scheme = _SCHEME.match(target)
        if (
            scheme
            and scheme[1] not in _ALLOWED
            and not target.startswith(("data:image/png", "data:image/jpeg", "data:image/gif"))
        ):
            return target
    return ""


def _links(rendered: str) -> Iterator[str]:
    """The values of attributes that lead somewhere, as they are written.

    From each `=` back to its name: a search for the names themselves took 0.3 ms of a mail of 5 KB.
    """
    start = at = 0
    while (at := rendered.find("=", at)) >= 0:
        name = rendered[start:at].rstrip()[-_NAME_ROOM:]
        link = name.casefold().endswith(_LINKS) and _IS_LINK.search(name)
        target = _TARGET.match(rendered, at) if link else None
        if target is not None:
            yield target[1]
        start = at = target.end() if target is not None else at + 1


def forbidden_output(source: str, *, strict: bool) -> tuple[int, str]:
    """The line of the first value in a place that is run as code, and the reason; (0, "") when there is none.

    `strict` also looks at the attributes of elements. It is for what is being saved: a template that was saved when they were not
    looked at still goes out.
    """
    masked = _masked(source)
    if _VALUE not in masked:
        return 0, ""
    inside = ""
    for piece in pieces(masked):
        place, why = piece.start, ""
        if piece.tag:
            place, why = _in_tag(piece) if strict else (0, "")
            inside = "" if piece.ends else piece.tag
        elif inside in ("script", "style") and (value_at := masked.find(_VALUE, piece.start, piece.end)) >= 0:
            place, why = value_at, gettext(IN_CODE)
        if why:
            return source.count("\n", 0, place) + 1, why
    return 0, ""


def _in_tag(piece: Piece) -> tuple[int, str]:
    if _VALUE in piece.tag:
        return piece.start, gettext(AS_NAME)
    for one in piece.attributes:
        if _VALUE in one.name:
            return one.at, gettext(AS_NAME)
        if _VALUE not in one.value:
            continue
        if one.name.startswith("on") or one.name == "srcdoc":
            return one.at, gettext(IN_HANDLER, name=one.name)
        if not one.quote:
            return one.at, gettext(UNQUOTED, name=one.name, written=f'{one.name}="…"')
    return 0, ""


def _masked(source: str) -> str:
    """The template with Liquid replaced by signs of the same length: values by one that no HTML has, other tags by blanks."""
    parts, at = [], 0
    for mark in marks(source):
        parts.append(source[at : mark.start])
        at = mark.end
        if mark.kind == "raw":
            parts.append(
                _BLANKS * (mark.at - mark.start) + mark.inner + _BLANKS * (mark.end - mark.at - len(mark.inner))
            )
        else:
            parts.append((_VALUE if _prints(mark) else _BLANKS) * (mark.end - mark.start))
    return "".join([*parts, source[at:]])


def _prints(mark: Mark) -> bool:
    if mark.kind == "output" or mark.name in _PRINTS:
        return True
    return mark.name == "liquid" and any(
        line.split(None, 1)[:1] in ([tag] for tag in _PRINTS) for line in mark.inner.split("\n")
    )
