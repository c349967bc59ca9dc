"""Filling one part of a template for one contact. Needs no database: a child of the sandbox imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import FieldError
from app.flow import paths
from app.lib.translation import gettext, translatable
from app.liquid.templates import LiquidError, check_output, compile_text
from app.messaging.channels.parts import LiquidSource, Parts

LONGEST_OPENING = 160
"""Characters of a text that stand for it."""
_BREAKS = str.maketrans({"\r": " ", "\n": " ", "\t": " ", "\x00": ""})


OF_PARTS = {
    "subject": translatable("The template's subject: %(message)s"),
    "title": translatable("The template's title: %(message)s"),
    "html": translatable("The template's HTML: %(message)s"),
    "text": translatable("The template's text: %(message)s"),
    "link": translatable("The template's link: %(message)s"),
    "image": translatable("The template's picture: %(message)s"),
    "header": translatable("The template's header: %(message)s"),
}
OF_ANY = translatable("The template's %(value)s: %(message)s")


class PartError(Exception):
    """A part of a template could not be rendered: which (`subject`, `html`, `text`, `content.…`), why, and where.

    `called`: what people call it, where that is not the part itself.
    """

    def __init__(self, part: str, error: LiquidError, called: str = "") -> None:
        self.part, self.message, self.line, self.called = part, error.message, error.line, called
        text = OF_PARTS.get(called or part, OF_ANY)
        super().__init__(
            gettext(text, message=error) if text != OF_ANY else gettext(text, value=called or part, message=error)
        )

    def __reduce__(self) -> tuple[type[PartError], tuple[str, LiquidError, str]]:
        return PartError, (self.part, LiquidError(self.message, self.line), self.called)


def one_line(value: str) -> str:
    """`value` as a header may carry it: no line breaks, no runs of blanks."""
    return " ".join(value.translate(_BREAKS).split())


def fill(name: str, source: str, data: Mapping[str, Any], *, html: bool = False) -> str:
    """`source`, the part `name`, with `data` filled in. Raises PartError."""
    try:
        return compile_text(source, html=html).render(data)
    except LiquidError as error:
        raise PartError(name, error) from error


def fill_parts(names: tuple[str, ...], template: Parts, data: Mapping[str, Any]) -> Parts:
    """Those parts of a template filled in as they stand, the others empty. Raises PartError."""
    filled = {name: fill(name, getattr(template, name), data, html=name == "html") for name in names}
    return Parts(filled.get("subject", ""), filled.get("html", ""), filled.get("text", ""))


def liquid_faults(sources: Sequence[LiquidSource]) -> list[FieldError]:
    """What is wrong with the Liquid of each text, with its line."""
    faults = []
    for path, source, html in sources:
        try:
            compile_text(source, html=html)
            if html:
                check_output(source)
        except LiquidError as error:
            faults.append(FieldError(path=path, message=str(error)))
    return faults


def openings(sources: Sequence[str], data: Mapping[str, Any]) -> list[str]:
    """How texts begin for one contact, each in one line. Empty are those that cannot be filled in, or that read what only a run knows."""
    lines = []
    for source in sources:
        try:
            text = compile_text(source, html=False)
            known = not any(paths.names_of(path)[0] in ("steps", "vars") for path in text.paths)
            lines.append(one_line(text.render(data))[:LONGEST_OPENING] if known else "")
        except LiquidError:
            lines.append("")
    return lines


def subjects(sources: list[str], data: Mapping[str, Any]) -> list[str]:
    """Subjects filled in for one contact; each that cannot be as it stands."""
    filled = []
    for source in sources:
        try:
            filled.append(one_line(compile_text(source, html=False).render(data)))
        except LiquidError:
            filled.append(source)
    return filled
