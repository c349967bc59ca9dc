"""What `compile` is handed: turns paths, texts and conditions of a config into functions, and notes what a version reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from app.flow import conditions as rules
from app.flow import judging, paths
from app.flow.outcomes import Read
from app.lib.conversions import printed
from app.liquid.templates import compile_text, compile_value
from app.values.cel_expressions import compile_expression
from app.values.contact_view import COLUMNS

_SIMPLE = re.compile(r"\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]{1,9}\])*)\s*\}\}")
_OF_LIQUID = frozenset(
    ("true", "false", "nil", "null", "none", "empty", "blank", "undefined", "now", "today", "workspace")
)
"""Words that stand for themselves where a path may begin."""


def _has_liquid(text: str) -> bool:
    return "{{" in text or "{%" in text


class CompileScope:
    """`reads` tells the engine what to load (`contact.<field>`) and to keep (`steps.<node>`, `vars.<name>`), and what of the
    event is looked at (`event.<name>`). `*` in place of a name: all of them."""

    def __init__(self, node_id: str = "") -> None:
        self.node_id = node_id
        self.reads: set[str] = set()
        self.remembers = False
        """Does it ask what its steps have assigned? Then that is loaded with the contacts."""

    def field(self, path: str) -> Read:
        """A reader of one field."""
        return paths.reader(path, self.reads)

    def conditions(self, conditions: list[rules.Condition], match: str) -> Callable[[Any], rules.Evaluation]:
        """A judge of a condition list."""
        return judging.compile_list(conditions, match, self.reads)

    def readers(self, conditions: list[rules.Condition]) -> list[Read]:
        """Readers of all that a condition list looks at, each once."""
        return judging.readers(conditions, self.reads)

    def draw(self, salt: str = "") -> Read:
        """A reader of a number from 0 to below 1, spread evenly over contacts and the same at each visit of one.

        Without a `salt` every step of every workflow draws for itself; steps with the same one draw alike. A run without a contact
        draws for itself.
        """
        own, node_id = salt.encode(), self.node_id.encode()

        def read(step: Any) -> float:
            key = own or step.workflow_id + node_id
            digest = hashlib.blake2b(key + b"\0" + step.subject, digest_size=8).digest()
            return (int.from_bytes(digest, "big") >> 11) / 2**53

        return read

    def assigned(self) -> Read:
        """A reader of the variant that this step gave the contact before (effect `Assign`), None when it gave none."""
        self.remembers, node_id = True, self.node_id
        return lambda step: step.assignment(node_id)

    def text(self, source: str) -> Read:
        """Text with Liquid in it. A text without any costs nothing per person; plain `{{ path }}` needs no Liquid."""
        if not _has_liquid(source):
            return lambda _step: source
        parts = _SIMPLE.split(source)
        if not _has_liquid("".join(parts[::2])) and all(map(_is_path, parts[1::2])):
            readers = [self.field(part) if index % 2 else part for index, part in enumerate(parts)]
            return lambda step: "".join([part if isinstance(part, str) else printed(part(step)) for part in readers])
        template = compile_text(source, html=False)
        data = self._data(template.paths)
        return lambda step: template.render(data(step))

    def value(self, value: Any) -> Read:
        """Any JSON value with Liquid in its texts; a text that is exactly one `{{ path }}` keeps the value's type."""
        if isinstance(value, str) and _has_liquid(value):
            lone = _SIMPLE.fullmatch(value.strip())
            if lone and _is_path(lone[1]):
                return self.field(lone[1])
            compiled = compile_value(value)
            if not compiled.is_lone:
                return self.text(value)
            data = self._data(compiled.paths)
            return lambda step: compiled.render(data(step))
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            return lambda step: [item(step) for item in items]
        if isinstance(value, dict):
            fields = {key: self.value(item) for key, item in value.items()}
            return lambda step: {key: read(step) for key, read in fields.items()}
        return lambda _step: value

    def expression(self, source: str) -> Read:
        """What a CEL expression comes to. Raises BadExpression; the reader raises ExpressionFailed."""
        compiled = compile_expression(source)
        self._note(compiled.paths)
        return lambda step: compiled.evaluate(step.data)

    def _data(self, read_paths: frozenset[str]) -> Read:
        """What a text finds its paths in. A bare name is found as in a condition: in the event, then in the contact."""
        self._note(read_paths)
        roots = {paths.names_of(path)[0] for path in read_paths}
        bare = {root: self.field(root) for root in roots if root not in paths.ROOTS and root not in _OF_LIQUID}
        if not bare:
            return lambda step: step.data
        return lambda step: {**step.data, **{root: read(step) for root, read in bare.items()}}

    def _note(self, read_paths: frozenset[str]) -> None:
        for path in read_paths:
            root, _, below_root = path.partition(".")
            if root == "contact":
                fields = [paths.field_of(below_root.split("."))] if below_root else [*COLUMNS, "tags", "attributes"]
                self.reads |= {f"contact.{field}" for field in fields}
            elif root in ("event", "steps", "vars"):
                self.reads.add(f"{root}.{paths.names_of(below_root)[0]}" if below_root else f"{root}.*")


def _is_path(text: str) -> bool:
    """Is it a path by itself: below a root, or a bare name?"""
    root, *below_root = paths.names_of(text)
    return bool(below_root) if root in paths.ROOTS else root not in _OF_LIQUID


def is_constant(value: Any) -> bool:
    """Does a JSON value hold no Liquid, so that it is the same for everybody?"""
    if isinstance(value, str):
        return not _has_liquid(value)
    if isinstance(value, list):
        return all(map(is_constant, value))
    return not isinstance(value, dict) or all(map(is_constant, value.values()))
