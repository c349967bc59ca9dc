"""Finds texts for people that no catalogue can have, because nothing marks them."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser

import jinja2
from jinja2 import nodes

from tools.dev.texts import MARKS

LETTERS = re.compile(r"[^\W\d_]{2}")
SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-description", "data-confirm")
"""Attributes that people read or hear."""
ATTRIBUTE = re.compile(r"[a-z]=")
"""What a macro writes into a tag of its caller."""
SILENT = ("script", "style", "pre", "code", "kbd", "svg")
ARGUMENTS = ("hint", "label", "title", "text", "placeholder", "note")
"""Keyword arguments of the components that people read."""
SENTENCE = re.compile(r"[A-Z][a-z’']+ .*[a-z]|[A-Z][^\n]* [^\n]*[.!?]$")
OPEN = re.compile(r"(?:… ?)?[“…]?[A-Z][a-z’']+ [^\n]*(?:[a-z]|…[”)]?)|[A-Z…“][^\n]* [^\n]*[.!?]|[A-Z][a-z]+\.")
"""The same of sentences that begin or end with what is filled in, and of one word."""
HEADER = re.compile(r"(Basic|Bearer|As) …")
BUGS = {
    "AssertionError",
    "ImportError",
    "KeyError",
    "LookupError",
    "NotImplementedError",
    "RuntimeError",
    "TypeError",
    "ValueError",
}
"""Exceptions that tell programmers of mistakes."""
CODE = {"getLogger", "Field", "Meta", "Parameter", "Tag", "cast", "startswith", "match", "search", "compile"}
"""Calls whose texts are read by programs, or stand in the API's documentation."""
OF_DOCUMENTS = ("summary", "description")
"""Keyword arguments that only the API's documentation shows."""
LOGGERS = ("log", "logger")
PROPER = ("Throughline", "Throughline · Throughline")


def in_template(source: str) -> list[str]:
    """Texts between tags, in spoken attributes, and in arguments of components."""
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"])
    return [*_in_html(_html(environment, source)), *_in_calls(environment.parse(source))]


def _html(environment: jinja2.Environment, source: str) -> str:
    """The template without what Jinja fills in, the texts of `{% trans %}` and the block of classes."""
    parts, block, silent = [], [], False
    for _, kind, text in environment.lex(source):
        if kind == "block_begin":
            block = []
        elif kind == "name":
            block.append(text)
        elif kind == "block_end" and block[:1] in (["trans"], ["endtrans"]):
            silent = block[0] == "trans"
        elif kind == "block_end" and block[:1] in (["block"], ["endblock"]):
            silent = block[1:2] == ["shell_class"]
        elif kind == "variable_end":
            parts.append("x" if parts and parts[-1].endswith(("<", "</")) else " ")
        elif kind == "data" and not silent:
            parts.append(text)
    return "".join(parts)


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        self.texts += [value for name, value in attributes if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def _in_html(html: str) -> list[str]:
    parser = _Texts()
    parser.feed(html)
    texts = (" ".join(text.split()) for text in parser.texts)
    return [
        text
        for text in texts
        if LETTERS.search(text) and not (text in PROPER or text[0] == "&" or ATTRIBUTE.search(text))
    ]


def _in_calls(tree: nodes.Template) -> list[str]:
    texts = []
    for call in tree.find_all(nodes.Call):
        if (
            isinstance(call.node, nodes.Getattr)
            and isinstance(call.node.node, nodes.Name)
            and call.node.node.name == "ui"
        ):
            texts += [one.value for one in call.args if _readable(one)]
            texts += [one.value.value for one in call.kwargs if one.key in ARGUMENTS and _readable(one.value)]
    return texts


def _readable(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.Const)
        and isinstance(node.value, str)
        and bool(re.match(r"[A-Z][a-z]", node.value))
        and node.value not in PROPER
    )


def in_python(source: str, *, filled: bool = False) -> list[str]:
    """Sentences that are neither marked, nor documentation, nor told to programmers; `filled`: those that begin or end with a value too."""
    pattern = OPEN if filled else SENTENCE
    tree = ast.parse(source)
    skipped = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.Call) and (_called(node) in MARKS.keys() | BUGS | CODE or _logs(node)):
            skipped |= {id(one) for one in ast.walk(node)}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "people":
            skipped.add(id(node.value))  # of an AppError, which `./dev texts` reads
        elif isinstance(node, ast.Compare) or (isinstance(node, ast.keyword) and node.arg in OF_DOCUMENTS):
            skipped |= {id(one) for one in ast.walk(node)}
        elif isinstance(node, ast.Dict):
            skipped |= {id(key) for key in node.keys if key is not None}
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(one) for one in node.values}
    texts = []
    for node in ast.walk(tree):
        if id(node) not in skipped and isinstance(node, ast.Constant | ast.JoinedStr):
            text = node.value if isinstance(node, ast.Constant) else "".join(_part(one) for one in node.values)
            if isinstance(text, str) and pattern.fullmatch(text.strip()) and not HEADER.fullmatch(text):
                texts.append(text)
    return texts


def _logs(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS
    )


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def _called(node: ast.Call) -> str:
    return (
        node.func.id
        if isinstance(node.func, ast.Name)
        else node.func.attr
        if isinstance(node.func, ast.Attribute)
        else ""
    )
