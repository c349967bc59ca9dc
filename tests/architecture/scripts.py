"""JavaScript as rules see it: the names in its code, without comments and without what stands in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.architecture.source import Tree

FOLDERS = ("app", "frontend-nodes", "tests/canvas", "tools")
SCRIPT_FILLERS = {
    "found",
    "made",
    "told",
    "asked",
    "given",
    "kept",
    "lost",
    "over",
    "rest",
    "here",
    "back",
    "theirs",
    "named",
    "said",
}
"""The same words as in Python, and those that JavaScript used in their place."""
_PROSE = re.compile(r"/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`", re.DOTALL)
_VALUES = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"(?<![\w.$#-])(?:\.\.\.|this\.|#)?([A-Za-z]\w*)(?![\w$])(?!:)")
"""A variable, parameter, method or field of `this`; not a member of something else, whose name may be the browser's, nor a key."""


def script_fillers(tree: Tree) -> list[str]:
    """Names in JavaScript that fit anything."""
    return [
        f"{path.relative_to(tree.root)}:{line} calls something {name}: say what it is"
        for path in tree.files(".js", *FOLDERS)
        for name, line in _named(path.read_text())
        if name in SCRIPT_FILLERS
    ]


def _named(text: str) -> Iterator[tuple[str, int]]:
    """Each name with its line, once for a line."""
    for number, line in enumerate(_PROSE.sub(_emptied, text).splitlines(), 1):
        yield from ((name, number) for name in dict.fromkeys(_NAME.findall(line)))


def _emptied(prose: re.Match[str]) -> str:
    """As many lines as a comment or text has, with the values that a template text shows."""
    values = " ".join(_VALUES.findall(prose[0])) if prose[0].startswith("`") else ""
    return f" {values} " + "\n" * prose[0].count("\n")
