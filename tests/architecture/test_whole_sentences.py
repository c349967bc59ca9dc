"""Sentences for people are translated as a whole: nothing English is put into a translated one as a value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"[A-Za-z]{3,}")
ZONE = re.compile(r"[A-Z][a-z]+/[A-Z]\w+")
NO_WORDS = {"Europe/Berlin", "contact", "event"}
"""Values that are the same in every language."""


Assigned = dict[str, list[ast.expr]]
"""By a name of a module: what is bound to it, in whichever function."""


def assigned(tree: ast.Module) -> Assigned:
    names: Assigned = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    names.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.arg):  # the name means something else there
            names.setdefault(node.arg, []).append(ast.Constant(None))
        elif isinstance(node, ast.For | ast.comprehension):
            for inner in ast.walk(node.target):
                if isinstance(inner, ast.Name):
                    names.setdefault(inner.id, []).append(ast.Constant(None))
    return names


def english(value: ast.expr, names: Assigned, depth: int = 0) -> Iterator[str]:
    """Words that a value brings along by itself: literals, also as one of several choices, behind a name, or out of a table."""
    if isinstance(value, ast.Name) and depth < 2 and len(names.get(value.id, ())) == 1:
        yield from english(names[value.id][0], names, depth + 1)
    elif (table := _table(value)) and len(names.get(table, ())) == 1 and isinstance(names[table][0], ast.Dict):
        for one in names[table][0].values:  # type: ignore[attr-defined]
            text = one.args[0] if isinstance(one, ast.Call) and called(one) in ("translatable", "countable") else one
            yield from english(text, names, depth + 1)  # marked, but not translated where it is put in
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield "".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
    elif isinstance(value, ast.IfExp):
        yield from english(value.body, names, depth)
        yield from english(value.orelse, names, depth)
    elif isinstance(value, ast.BoolOp):
        for one in value.values:
            yield from english(one, names, depth)


def _table(value: ast.expr) -> str:
    """The name of a table of which the value is a row: `WORDS[kind]`, `WORDS.get(kind)`."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        value = value.func
    inner = value.value if isinstance(value, ast.Subscript | ast.Attribute) else None
    return inner.id if isinstance(inner, ast.Name) else ""


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def in_source(source: str) -> list[str]:
    """English words among the values of marked texts, and in what a list shows of a connector."""
    tree = ast.parse(source)
    names = assigned(tree)
    calls = (one for one in ast.walk(tree) if isinstance(one, ast.Call))
    shown = (
        keyword
        for call in calls
        for keyword in call.keywords
        if called(call) in ("gettext", "ngettext") or (called(call) == "ConnectorSummary" and keyword.arg == "detail")
    )
    texts = (text for keyword in shown for text in english(keyword.value, names))
    return [text for text in texts if WORD.search(text) and text not in NO_WORDS and not ZONE.fullmatch(text)]


def test_no_value_brings_english_words_along() -> None:
    found = {
        str(path.relative_to(ROOT)): words
        for path in sorted((ROOT / "app").rglob("*.py"))
        if (words := in_source(path.read_text()))
    }
    assert not found


def test_what_is_found() -> None:
    assert in_source('gettext("%(a)s fails.", a=words or "nothing")') == ["nothing"]
    assert in_source('gettext("%(a)s fails.", a=f"every {n} days", b="x" if y else "minutes")') == [
        "every  days",
        "minutes",
    ]
    assert in_source('gettext("%(a)s fails.", a=gettext("nothing"), b=one, c="§1")') == []
    assert in_source('where = f", line {n}" if n else ""\ngettext("%(a)s fails.", a=where)') == [", line "]
    assert in_source('W = {"a": translatable("A zone")}\ngettext("%(a)s fails.", a=W.get(b))') == ["A zone"]
    assert not in_source('W = {"a": translatable("A zone")}\ngettext("%(a)s fails.", a=gettext(W[b]))')
    assert in_source('kind = "Name, no answer" if a else "Number"\nConnectorSummary(place="x", detail=kind)')
