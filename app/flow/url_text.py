"""URLs with placeholders: what is filled in behind the server's name is percent-encoded, so that a value stays one part of the URL.

`/orders/{{ event.id }}` with `a/b?c` calls `/orders/a%2Fb%3Fc`. What stands at the beginning or in the server's name is taken as it is
(`{{ event.callback }}` is a whole URL), and so is what the author encodes (`| url_encode`). Texts with tags are filled in as one.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from app.flow.outcomes import Read
from app.flow.scope import CompileScope
from app.lib.conversions import printed

_BEHIND_SERVER = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://[^/?#]*)?[/?#]", re.IGNORECASE)


def _split(text: str) -> list[str]:
    """Literal text and placeholders in turn, in one walk: a search by pattern begins anew at each brace."""
    parts, end = list[str](), 0
    while (start := text.find("{{", end)) >= 0 and (close := text.find("}}", start)) >= 0:
        parts += [text[end:start], text[start : close + 2]]
        end = close + 2
    return [*parts, text[end:]]


def url_reader(text: str, scope: CompileScope) -> Read:
    """A reader of the URL that `text` comes to for one run."""
    parts = _split(text)
    if len(parts) == 1 or "{%" in text:
        return scope.text(text)
    readers, literal = list[Any](), ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            readers.append(part)
            literal += part
            continue
        reader = scope.value(part)
        inside = _BEHIND_SERVER.match(literal) and "url_encode" not in part
        readers.append((reader, bool(inside)))
        literal += "x"

    def read(step: Any) -> str:
        return "".join(one if isinstance(one, str) else _filled(one[0](step), one[1]) for one in readers)

    return read


def _filled(value: Any, encoded: bool) -> str:
    text = "" if value is None else printed(value)
    return quote(text, safe="") if encoded else text
