"""Names of attributes and topics: those that `contact.NAME` reads in a condition, in a template and in a step alike.

A name that Liquid cannot read after a dot could be stored but never be used, so it is refused, with one that can.
"""

from __future__ import annotations

import re

from app.lib.normal_forms import nfc
from app.lib.translation import gettext

MAX_NAME = 100
_NAME = re.compile(r"(?![0-9]+(?:-|$))\w[\w-]*(?<!-)")
"""A word of Liquid. It takes digits up to a hyphen for a number, and a hyphen before `}}` for its own."""
_SNAKE = re.compile(r"[a-z_][a-z0-9_]*")
_CAMEL = re.compile(r"[a-z]+[0-9]*(?:[A-Z][A-Za-z0-9]*)?")
_RESERVED = frozenset(
    {
        *("true", "false", "nil", "null", "empty", "blank", "and", "or", "contains", "not", "in", "if", "else", "for"),
        *("offset", "limit", "reversed", "cols", "continue", "with", "as", "required"),
    }
)
"""Words that Liquid keeps for itself, even after a dot."""


class BadName(ValueError):
    """A name that nothing could read; the message offers one that fits."""


def usable(name: str) -> bool:
    """Can a path, a condition and a template read `contact.NAME`?"""
    return len(name) <= MAX_NAME and bool(_NAME.fullmatch(name)) and name not in _RESERVED


def checked(name: str, kind: str = "attribute") -> str:
    """The name as it is stored: trimmed and composed (NFC). `kind` is the noun for the error. Raises BadName."""
    cleaned = nfc(name.strip())
    if not cleaned or len(cleaned) > MAX_NAME:
        raise BadName(
            gettext(
                "A name of this kind, %(kind)s, has 1 to %(max_name)s characters.",
                kind=kind,
                max_name=MAX_NAME,
            )
        )
    if usable(cleaned):
        return cleaned
    fit = fitting(cleaned)
    offer = gettext(" Send “%(fit)s”.", fit=fit) if fit else gettext(" Send a name like “first_name”.")
    shown = cleaned.replace("\0", "")
    if cleaned in _RESERVED:
        text = gettext("“%(name)s” is a word of the template language, so no template could read it.", name=shown)
        raise BadName(f"{text}{offer}")
    text = gettext(
        "“%(name)s” could never be read in a condition or a template: a name has only letters, digits, _ and -.",
        name=shown,
    )
    raise BadName(f"{text}{offer}")


def fitting(label: str) -> str:
    """What people wrote, as a name: `First Name` is `first_name`, `Größe (cm)` is `größe_cm`. Blank when nothing is left.

    A name that programs write, such as `firstName` or `first_name`, stays as it is.
    """
    text = nfc(label.strip())
    if not (usable(text) and (_SNAKE.fullmatch(text) or _CAMEL.fullmatch(text))):
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
        text = "_".join(re.findall(r"[^\W_]+", text.casefold() if text.isascii() else text.lower()))
    text = text[:MAX_NAME].rstrip("_-")
    if text and not usable(text):
        text = f"{text}_value"[-MAX_NAME:] if text in _RESERVED else f"n_{text}"[:MAX_NAME]
    return text if usable(text) else ""
