"""What the planner makes of the statements of the engine and of sending: each row is looked for in its workspace.

Read with EXPLAIN, without knowing the values: the planner says of every condition which table it is about. Which index it would take
says nothing here, the tables being empty.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import psycopg

from tests.architecture.keys import WORKSPACE

_BEGINS = re.compile(r"\s*(select|with|insert|update|delete)\b", re.IGNORECASE)
_PARAMETER = re.compile(r"%\((\w+)\)[sbt]|%[sbt]")
_PART = re.compile(r"_(before|\d{4}_\d{2})$")


def statements(packages: Collection[str]) -> Iterator[tuple[str, str]]:
    """(module.NAME, SQL) of the constants of these packages and modules that are whole statements."""
    for package in packages:
        module = importlib.import_module(package)
        places = [package]
        if paths := getattr(module, "__path__", None):
            places += [f"{package}.{info.name}" for info in pkgutil.iter_modules(paths)]
        for place in places:
            for name, value in vars(importlib.import_module(place)).items():
                if name.isupper() and isinstance(value, str) and _BEGINS.match(value):
                    yield f"{place.removeprefix('app.')}.{name}", value


def numbered(sql: str) -> str:
    """The statement with `$1`, `$2` for its parameters, the same for the same name; optional parts (`{…}`, not in quotes) left out."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match.group(1) or f"#{len(numbers)}"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PARAMETER.sub(number, re.sub(r"(?<!')\{\w*\}", "", sql)).replace("%%", "%")


def plan(connection: psycopg.Connection[Any], sql: str) -> dict[str, Any] | None:
    """The plan; None of what is no whole statement by itself."""
    try:
        with connection.transaction():
            row = connection.execute(
                f"explain (generic_plan, verbose, costs off, format json) {numbered(sql)}"
            ).fetchone()
    except (psycopg.errors.SyntaxError, psycopg.errors.UndefinedTable):
        return None
    plan: dict[str, Any] = row[0][0]["Plan"] if row else {}
    return plan


def unbounded(plan: Mapping[str, Any], shared: Collection[str]) -> set[str]:
    """Tables of which no condition of the plan names the workspace. `shared`: those that stand above workspaces."""
    conditions = " ".join(
        str(text) for node in _nodes(plan) for key, text in node.items() if key.endswith(("Cond", "Filter"))
    )
    tables = set()
    for node in _nodes(plan):
        table = _PART.sub("", node.get("Relation Name", ""))
        if table and node.get("Schema") == "public" and "Scan" in node["Node Type"] and table not in shared:
            whole = re.sub(r"_\d+$", "", node["Alias"])  # the planner numbers the parts of a table
            if not re.search(rf"\b({node['Alias']}|{whole})\.{WORKSPACE}\b", conditions):
                tables.add(table)
    return tables


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
