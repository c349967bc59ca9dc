"""The minifier joins declarations, and puts what is taken apart first: a name must not be read before it is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.bundles import minified

STATIC = Path(__file__).resolve().parents[2] / "app" / "static"
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
PLANTED = """export function values(control) {
  const field = control.closest('a')?.querySelector('b');
  const { list = '[]', kind } = (field && entry(field)?.dataset) || {};
  const all = JSON.parse(list);
  return all.map((value) => ({ value, kind }));
}"""
_STRING = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""")
_FUNCTION = re.compile(r"(?:async )?(?:\([^()]*\)|[\w$]+)=>.*|(?:async )?function\b.*|class\b.*", re.DOTALL)


def declarations(text: str) -> Iterator[list[str]]:
    """Of each `const` and `let`: its parts, as `name=value`."""
    for match in re.finditer(r"\b(?:const|let) ?(?=[\w$\[{])", text):
        parts, depth, quote, start = list[str](), 0, "", match.end()
        at = start
        while at < len(text):
            sign = text[at]
            if quote:
                at += sign == "\\"
                quote = "" if sign == quote else quote
            elif sign in "\"'`":
                quote = sign
            elif sign in "([{":
                depth += 1
            elif sign in ")]}":
                depth -= 1
            if depth < 0 or (depth == 0 and not quote and sign in ",;"):
                parts.append(text[start:at])
                start = at + 1
                if sign != ",":
                    break
            at += 1
        yield parts


def read_too_early(text: str) -> list[str]:
    """The parts that read a name which a later part of the same list declares. Functions read it when they are called."""
    early = list[str]()
    for parts in declarations(text):
        names = [match[1] if (match := re.match(r"([\w$]+)(?:=|$)", part)) else "" for part in parts]
        for index, part in enumerate(parts):
            value = _FUNCTION.sub("", _STRING.sub("", part.partition("=")[2] if names[index] else part))
            later = [name for name in names[index + 1 :] if name]
            early += [part for name in later if re.search(rf"(?<![\w$.]){re.escape(name)}(?![\w$:])", value)]
    return early


def test_it_finds_what_the_minifier_puts_first() -> None:
    assert read_too_early("const{a:n}=t&&e(t)||{},t=f(),r=n;") == ["{a:n}=t&&e(t)||{}"]
    assert not read_too_early("const t=f(),{a:n}=t&&e(t)||{},later=()=>last,last=1;")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_nothing_is_read_before_it_is_declared(script: Path) -> None:
    assert not read_too_early(minified("text/javascript", script.read_text()))


def test_the_minifier_has_the_fault_still() -> None:
    """When this fails, a new version of the minifier has mended it, and this file can go."""
    assert read_too_early(minified("text/javascript", PLANTED))
