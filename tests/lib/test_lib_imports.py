"""`app/lib` is the ground: it knows no HTTP, no table of the product, and no package above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import lib

FOLDER = Path(lib.__file__).parent
FOREIGN = ("litestar", "advanced_alchemy", "dramatiq.results", "app.models", "app.web")


def foreign(text: str) -> Iterator[str]:
    """What `text` imports that does not belong into lib."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if f"{name}.".startswith(tuple(f"{one}." for one in FOREIGN)))


@pytest.mark.parametrize(
    "planted",
    [
        "import litestar",
        "from litestar.types import Scope",
        "def f():\n  from app.models import Contact",
        "import app.web.csrf",
    ],
)
def test_a_foreign_import_is_seen(planted: str) -> None:
    assert list(foreign(planted))


def test_lib_imports_nothing_of_http_or_models() -> None:
    wrong = {path.name: found for path in FOLDER.rglob("*.py") if (found := list(foreign(path.read_text())))}
    assert not wrong
