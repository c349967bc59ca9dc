"""The source code as rules see it: files of a tree, their syntax, what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """One Python file. `path` is below the root of its tree."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of its syntax. The rules read it some twenty times, and to walk a tree costs more than to parse it."""
        return list(ast.walk(self.tree))

    @property
    def name(self) -> str:
        """`app/runs/api.py` → `app.runs.api`."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def at(self, line: int) -> str:
        """Where something stands, for a message."""
        return f"{self.path}:{line}"

    @cached_property
    def imports(self) -> list[tuple[str, int]]:
        """Every name that is imported, as `module.name`, with its line: inside functions and type-checking blocks too."""
        return list(self._imports())

    def _imports(self) -> Iterator[tuple[str, int]]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    package = self.name.split(".") if self.path.stem == "__init__" else self.name.split(".")[:-1]
                    parents = package[: len(package) - node.level + 1]
                    base = ".".join([*parents, *([node.module] if node.module else [])])
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in self.nodes if isinstance(node, ast.Call))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def _said(self) -> list[ast.expr]:
        """Docstrings, also of fields: texts that stand alone."""
        return [node.value for node in self.nodes if isinstance(node, ast.Expr) and _is_text(node.value)]

    def prose(self) -> list[tuple[int, int]]:
        """First and last lines of docstrings."""
        return [(text.lineno, text.end_lineno or text.lineno) for text in self._said()]

    def strings(self) -> Iterator[ast.Constant]:
        """Texts in code; docstrings are none."""
        prose = {id(text) for text in self._said()}
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@dataclass(frozen=True)
class Tree:
    """A checkout: the real one, or a small one with a violation planted in it."""

    root: Path

    def modules(self, *folders: str) -> list[Module]:
        """Python files below these folders, by path."""
        return [Module(path.relative_to(self.root), path.read_text()) for path in self.files(".py", *folders)]

    def files(self, suffix: str, *folders: str) -> list[Path]:
        """Files with this suffix below these folders; what others wrote (vendor) is left out."""
        return sorted(
            path
            for folder in folders
            for path in (self.root / folder).rglob(f"*{suffix}")
            if "vendor" not in path.parts
        )

    @cached_property
    def app(self) -> list[Module]:
        return self.modules("app")

    @cached_property
    def python(self) -> list[Module]:
        return self.modules("app", "tests", "e2e", "bench", "tools")
