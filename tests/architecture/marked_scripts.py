"""Texts of scripts that people read: those that `gettext` does not know are English in every language."""

from __future__ import annotations

import re

from tests.architecture.source import Tree

_STRING = r"(?:'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
_MARKED = re.compile(rf"\bn?gettext\(\s*{_STRING}(?:\s*,\s*{_STRING})?")
_COMMENT = re.compile(r"/\*.*?\*/|(?:^|(?<=[;,{})] ))[ \t]*//[^\n]*", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"(['\"`])(?P<words>[A-Z][a-z]+(?: [^'\"`]*)?[.?!…])\1")
_IN_MARKUP = re.compile(r">(?P<words>[A-Z][a-z]+[a-z ]*)<")
_CALL = r"\b(?:toast|say|undoable|announce|ask)\("
_PROPERTY = r"\b(?:textContent|title|placeholder|verb|ariaLabel|label)\s*[=:]\s*"
_LABEL = r"['\"]aria-label['\"][,:]\s*"
_SHOWN = re.compile(rf"(?:{_CALL}|{_PROPERTY}|{_LABEL})(['\"])(?P<words>[A-Z][a-z]+[^'\"\n]*)\1")
OF_DEVELOPERS = ("app/static/push/", "app/lib/code_runner/")
"""Scripts of somebody else's site, and of steps that run code: who reads what they say writes code."""


def unmarked_words(tree: Tree) -> list[str]:
    """Sentences, words within markup, and what is put where people see it."""
    wrong = []
    for path in tree.files(".js", "app", "frontend-nodes"):
        name = str(path.relative_to(tree.root))
        if name.startswith(OF_DEVELOPERS):
            continue
        text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), path.read_text())
        text = _MARKED.sub(lambda call: "gettext(" + "\n" * call[0].count("\n"), text)
        for pattern in (_SENTENCE, _IN_MARKUP, _SHOWN):
            wrong += [
                f"{name}:{text.count(chr(10), 0, hit.start()) + 1} {hit['words']}" for hit in pattern.finditer(text)
            ]
    return list(dict.fromkeys(wrong))
