"""All regular expressions of the product, found in its source, and texts made from each that could make it slow."""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in sorted((ROOT / "app").rglob("*.py")) if "local" not in path.relative_to(ROOT).parts[:2]]
"""Not `app/local`: what it reads are files and answers of this machine."""
METHODS = ("match", "search", "sub", "subn", "fullmatch", "split", "findall", "finditer")
_MAY_WRITE_ONE = re.compile(r"\bre\s*\.|\bpattern\s*=")
WALK = ("search", "sub", "subn", "split", "findall", "finditer")


@dataclass
class Found:
    """One regular expression: where it stands, and by which methods it is used."""

    place: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)

    @property
    def uses(self) -> list[str]:
        """`search` stands for everything that tries each place of a text."""
        return sorted({"search" if method in WALK else method for method in self.methods or {"search", "fullmatch"}})


@functools.cache
def syntax(path: Path) -> list[ast.AST]:
    """All nodes of a file, the module first. Parsed once for the two that look through files."""
    return list(ast.walk(ast.parse(path.read_text())))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _held(value: object, name: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Patterns that a name of a module holds, also in lists, mappings, and classes."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth < 3 and isinstance(value, dict):
        for key, item in value.items():
            yield from _held(item, f"{name}[{key!r}]", depth + 1)
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for number, item in enumerate(value):
            yield from _held(item, f"{name}[{number}]", depth + 1)
    elif depth == 0 and isinstance(value, type) and value.__module__.startswith("app"):
        for key, item in vars(value).items():
            yield from _held(item, f"{name}.{key}", 1)


def of_modules() -> list[Found]:
    """What is compiled once and has a name. How it is used is read from each module that has it, by its name there."""
    found: dict[int, Found] = {}
    for path in SOURCES:
        values = list(vars(importlib.import_module(_module(path))).items())
        held = [(name, *one) for name, value in values for one in _held(value, name)]
        used = _used(path) if held else {}
        for name, place, pattern in held:
            kept = found.setdefault(id(pattern), Found(f"{_module(path)}.{place}", pattern))
            kept.methods |= used.get(name, set())
    return list(found.values())


def _used(path: Path) -> dict[str, set[str]]:
    """Name → the methods of patterns that are called on it, or on something in it, in one file."""
    used: dict[str, set[str]] = {}
    for node in syntax(path):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            owner = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(owner, ast.Name):
                used.setdefault(owner.id, set()).add(node.attr)
    return used


def in_calls() -> tuple[list[Found], list[str]]:
    """What is written where it is used, `re.sub(r"…", …)`, and `pattern=` of a schema. Second: calls whose pattern is not written out."""
    found, unknown = [], []
    for path in SOURCES:
        if not _MAY_WRITE_ONE.search(path.read_text()):
            continue  # most of 1,100 files: reading their syntax too was a tenth of collecting all tests
        nodes = syntax(path)
        named = {
            id(inner)
            for node in ast.iter_child_nodes(nodes[0])
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
            for inner in ast.walk(node.value)
        }
        for node in nodes:
            if not isinstance(node, ast.Call):
                continue
            place = f"{_module(path)}:{node.lineno}"
            for keyword in node.keywords:
                if keyword.arg == "pattern" and isinstance(keyword.value, ast.Constant):
                    found.append(Found(f"{place} pattern=", re.compile(keyword.value.value), {"search"}))
            if not (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)):
                continue
            if node.func.value.id != "re" or node.func.attr not in (*METHODS, "compile") or id(node) in named:
                continue
            first = node.args[0]
            if not isinstance(first, ast.Constant):
                unknown.append(place)
                continue
            if node.func.attr != "compile":
                found.append(Found(place, re.compile(first.value), {node.func.attr}))
    return found, unknown


# Texts that could make a pattern slow -----------------------------------------------------------------------------------

_CLASS = {codes.CATEGORY_DIGIT: "7", codes.CATEGORY_WORD: "w", codes.CATEGORY_SPACE: " ",
          codes.CATEGORY_NOT_DIGIT: "x", codes.CATEGORY_NOT_SPACE: "x", codes.CATEGORY_NOT_WORD: "-"}  # fmt: skip
_PROBES = "a7 -.@<,A_\n{[('\"é"


def _of_class(items: list[Any]) -> str:
    """A character that a class takes."""
    refused = re.compile("[" + "".join(_written(item) for item in items if item[0] is not codes.NEGATE) + "]")
    if items and items[0][0] is codes.NEGATE:
        return next((char for char in _PROBES if not refused.match(char)), "x")
    for code, value in items:
        if code is codes.LITERAL:
            return chr(value)
        if code is codes.RANGE:
            return chr(value[0])
        if code is codes.CATEGORY:
            return _CLASS[value]
    return "x"


_WRITTEN = {codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_WORD: r"\w", codes.CATEGORY_SPACE: r"\s",
            codes.CATEGORY_NOT_DIGIT: r"\D", codes.CATEGORY_NOT_SPACE: r"\S", codes.CATEGORY_NOT_WORD: r"\W"}  # fmt: skip


def _written(item: tuple[Any, Any]) -> str:
    code, value = item
    if code is codes.LITERAL:
        return re.escape(chr(value))
    if code is codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return _WRITTEN[value]


def _texts(items: Any, pieces: list[str]) -> str:
    """A text that the items match, mostly; on the way, what each repeated part and each beginning matches goes to `pieces`."""
    made = ""
    for code, value in items:
        if code is codes.LITERAL:
            made += chr(value)
        elif code is codes.NOT_LITERAL:
            made += next(char for char in _PROBES if char != chr(value))
        elif code is codes.ANY:
            made += "x"
        elif code is codes.IN:
            made += _of_class(value)
        elif code is codes.CATEGORY:
            made += _CLASS[value]
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            body = _texts(value[2], pieces)
            pieces.append(body)
            pieces.append(made + body)
            made += body * max(1, min(value[0], 3))
        elif code is codes.SUBPATTERN:
            made += _texts(value[3], pieces)
        elif code is codes.ATOMIC_GROUP:
            made += _texts(value, pieces)
        elif code is codes.BRANCH:
            branches = [_texts(branch, pieces) for branch in value[1]]
            pieces += branches
            made += max(branches, key=len)
        pieces.append(made)
    return made


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    """(before, repeated, after): texts of which the middle is repeated."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    pieces: list[str] = []
    whole = _texts(
        parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags),
        pieces,
    )
    literals = [char for char in dict.fromkeys(source) if not char.isalnum()]
    distinct = [piece for piece in dict.fromkeys([*pieces, whole, *literals, " ", "a", "0", "é"]) if piece]
    beginnings = ["", *list(dict.fromkeys(piece for piece in pieces if piece))[:2]]
    return [(before, piece, after) for piece in distinct[:25] for before in beginnings for after in ("", "\0")]
