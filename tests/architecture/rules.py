"""The rules, each a function over a tree that answers what breaks it, a line each. Empty is good."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from statistics import quantiles

from tests.architecture.source import Module, Tree

LONGEST_FILE, LONGEST_FUNCTION, LONGEST_LINE = 400, 50, 160
NINE_IN_TEN = 250
"""Lines that nine files of ten keep below."""
SQL = re.compile(r"^\s*(select|insert\s+into|update|delete\s+from|with)\s", re.IGNORECASE)
SQL_GOES_ON = re.compile(r"\b(from|into|set|exists|values)\b", re.IGNORECASE)
STATEMENTS = {"select", "insert", "update", "delete", "text", "union", "exists"}
CLIENTS = ("httpx", "httpcore", "requests", "aiohttp", "urllib.request", "urllib3", "http.client")
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}


class Levels:
    """Rows of packages from the top down. `double` names such as `triggers.types` stand for a part with a row of its own."""

    def __init__(self, rows: Iterable[Collection[str]]) -> None:
        self.rows = [set(row) for row in rows]
        self._known = {name for row in self.rows for name in row}

    def package_of(self, module: str) -> str:
        """`app.messaging.channels.email.mime` → `messaging.channels`, `app.runs.api` → `runs`."""
        parts = module.split(".")[1:] or [""]
        double = ".".join(parts[:2])
        return double if double in self._known else parts[0]

    def level_of(self, package: str) -> int | None:
        return next((number for number, row in enumerate(self.rows) if package in row), None)


def packages_without_level(tree: Tree, levels: Levels) -> list[str]:
    """Packages that stand in no row, and names of rows that are no package."""
    packages = {levels.package_of(module.name) for module in tree.app} - {""}
    named = {name for row in levels.rows for name in row}
    return [f"{name} stands in no row of LEVELS" for name in sorted(packages - named)] + [
        f"{name} in LEVELS is no package" for name in sorted(named - packages)
    ]


def _between_packages(tree: Tree, levels: Levels) -> Iterable[tuple[Module, int, str, str, str]]:
    for module in tree.app:
        own = levels.package_of(module.name)
        for target, line in module.imports:
            if target.startswith("app.") and own and (other := levels.package_of(target)) != own:
                yield module, line, target, own, other


def upward_imports(tree: Tree, levels: Levels) -> list[str]:
    """Imports of another package that do not point down. Packages of one row do not import each other."""
    wrong = []
    for module, line, target, own, other in _between_packages(tree, levels):
        here, there = levels.level_of(own), levels.level_of(other)
        if here is not None and there is not None and there <= here:
            wrong.append(f"{module.at(line)} imports {target}")
    return wrong


def _within(target: str, name: str) -> bool:
    return target == name or target.startswith(f"{name}.")


def circles(tree: Tree, levels: Levels) -> list[str]:
    """Packages that import each other, also by way of others, wherever the import stands."""
    ways: dict[str, set[str]] = defaultdict(set)
    for _, _, _, own, other in _between_packages(tree, levels):
        ways[own].add(other)
    reach = {package: _reachable(package, ways) for package in ways}
    together = {
        frozenset(other for other in seen if package in reach.get(other, ())) for package, seen in reach.items()
    }
    return sorted(" ↔ ".join(sorted(circle)) for circle in together if len(circle) > 1)


def _reachable(package: str, ways: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [package]
    while waiting:
        for following in ways.get(waiting.pop(), ()):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return seen


def commits(tree: Tree, allowed: Collection[str]) -> list[str]:
    """Transactions that are begun or committed outside the places for it; `begin_nested` is a savepoint and free."""
    return [
        f"{module.at(call.lineno)} calls .{call.func.attr}()"
        for module in tree.app
        if not _listed(module, allowed)
        for call in module.calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("commit", "begin") and _of_a_session(call.func)
    ]


def _of_a_session(function: ast.Attribute) -> bool:
    """Sessions and connections have these methods; a part of the product that begins something else names it so."""
    holder = function.value
    name = holder.attr if isinstance(holder, ast.Attribute) else holder.id if isinstance(holder, ast.Name) else ""
    by_name = re.search(r"session|connection|conn|engine|\bdb\b|^tx", name, re.IGNORECASE) is not None
    return name != "database" and (by_name or function.attr == "commit")


def without_role(tree: Tree, allowed: Collection[str]) -> list[str]:
    """Transactions, sessions and engines that are opened without a role, and so work as the owner of the tables."""
    return [
        f"{module.at(call.lineno)} calls database.{call.func.attr}() without a role"
        for module in tree.app
        if not _listed(module, allowed)
        for call in module.calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("transaction", "session_maker", "engine")
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "database"
        and not (call.args or call.keywords)
    ]


def statements(tree: Tree, allowed: Collection[str]) -> list[str]:
    """SQL outside the listed places: built by SQLAlchemy, or written in a text. `allowed` that hold none are named too."""
    wrong, used = [], set()
    for module in tree.app:
        lines = [
            line
            for target, line in module.imports
            if target.rpartition(".")[0].split(".")[0] == "sqlalchemy" and target.rpartition(".")[2] in STATEMENTS
        ]
        lines += [
            text.lineno
            for text in module.strings()
            if SQL.match(str(text.value)) and SQL_GOES_ON.search(str(text.value))
        ]
        if place := next((name for name in allowed if _listed(module, [name])), None):
            used.update([place] if lines else [])
        else:
            wrong += [f"{module.at(line)} holds SQL" for line in lines]
    return wrong + [f"{name} holds no SQL" for name in allowed if name not in used and not name.startswith("*")]


def _listed(module: Module, names: Collection[str]) -> bool:
    """`engine/` is a folder of app/, `*repository.py` any file of that end, all else one file."""
    below = str(module.path).removeprefix("app/")
    return any(
        below.startswith(name) if name.endswith("/") else below.endswith(name[1:]) if name[0] == "*" else below == name
        for name in names
    )


def twice(tree: Tree) -> list[str]:
    """Public classes of one name, and public functions of one name that other modules import by it."""
    by_name: dict[str, set[str]] = defaultdict(set)
    imported = {target for module in tree.app for target, _ in module.imports}
    functions: dict[str, set[str]] = defaultdict(set)
    for module in tree.app:
        defined = [n for n in module.tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in (node for node in defined if not node.name.startswith("_")):
            if isinstance(node, ast.ClassDef):
                by_name[node.name].add(str(module.path))
            elif f"{module.name}.{node.name}" in imported:
                functions[node.name].add(str(module.path))
    for name, paths in functions.items():
        by_name[name] |= paths
    return [f"{name} is in {', '.join(sorted(paths))}" for name, paths in sorted(by_name.items()) if len(paths) > 1]


def literals(tree: Tree, words: Mapping[str, Collection[str]]) -> list[str]:
    """Names of types (`words`: name → the files and folders that may say it) anywhere else: in Python, SQL, pages and scripts.

    A name of one word (`end`, `manual`) means many things: it counts where its line speaks of a type.
    """
    wrong = []
    lines: list[tuple[str, int, str]] = []
    for module in tree.app:
        prose = {number for start, end in module.prose() for number in range(start, end + 1)}
        written = enumerate(module.text.splitlines(), 1)
        lines += [(str(module.path), number, line) for number, line in written if number not in prose]
    for suffix in (".html", ".js"):
        for path in tree.files(suffix, "app/templates", "app/static", "frontend-nodes"):
            below = str(path.relative_to(tree.root))
            lines += [(below, number, line) for number, line in enumerate(path.read_text().splitlines(), 1)]
    for word, homes in words.items():
        quoted = re.compile(rf"""["'`]{re.escape(word)}["'`]""")
        for place, number, line in lines:
            if quoted.search(line) and ("_" in word or _TYPE.search(line)) and not place.startswith(tuple(homes)):
                wrong.append(f"{place}:{number} names the type {word}")
    return wrong


_TYPE = re.compile(
    r"""\b(type_?|node_?type|trigger_?type|channel|kind)\b(?!="(text|hidden|number|radio|checkbox|submit|button)")""",
    re.IGNORECASE,
)
"""A line that speaks of a type; the `type` of an element of a form is none."""


FILLERS = {
    "found", "made", "told", "asked", "said", "named", "given", "kept", "got", "took", "gone", "rest", "over",
    "mine", "theirs", "ours", "here", "there", "back", "both",
}  # fmt: skip
"""Names that say how a value came and not what it is: a row, a list, a sentence, a count."""


def fillers(tree: Tree) -> list[str]:
    """Variables, parameters, fields and functions with a name that fits anything."""
    return [
        f"{module.at(line)} calls something {name}: say what it is"
        for module in tree.python
        if module.path.parts[0] in ("app", "bench", "tools")
        for name, line in _named(module)
        if name in FILLERS
    ]


def _named(module: Module) -> Iterable[tuple[str, int]]:
    for node in module.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno


def complaints(tree: Tree, allowed: Collection[str]) -> list[str]:
    """The word complaint for anything but a report of spam (`allowed`: files about those). What is wrong with a field is a field error."""
    wrong, used = [], set()
    for suffix in (".py", ".html", ".js", ".css"):
        for path in tree.files(suffix, "app", "tools", "frontend-nodes"):
            below = str(path.relative_to(tree.root))
            lines = [n for n, line in enumerate(path.read_text().splitlines(), 1) if _COMPLAINT.search(line)]
            if below in allowed:
                used.update([below] if lines else [])
            else:
                wrong += [f"{below}:{line} speaks of a complaint" for line in lines]
    return wrong + [f"{path} speaks of no complaint" for path in allowed if path not in used]


_COMPLAINT = re.compile(r"(?<![a-z])complaints?(?![a-z])", re.IGNORECASE)


def long_files(tree: Tree) -> list[str]:
    sizes = {module.path: module.lines for module in tree.python}
    for suffix in (".css", ".js", ".html"):
        for path in tree.files(suffix, "app/static", "app/templates", "frontend-nodes"):
            sizes[path.relative_to(tree.root)] = len(path.read_text().splitlines())
    return [f"{path}: {lines} lines" for path, lines in sizes.items() if lines > LONGEST_FILE]


def too_many_long_files(tree: Tree) -> list[str]:
    lengths = [module.lines for module in tree.python]
    tenth = quantiles(lengths, n=10)[-1] if len(lengths) > 1 else 0
    return [f"one file of ten has more than {tenth:.0f} lines"] if tenth > NINE_IN_TEN else []


def long_functions(tree: Tree) -> list[str]:
    return [
        f"{module.at(function.lineno)} {function.name} has more than {LONGEST_FUNCTION} lines"
        for module in tree.app
        for function in module.functions()
        if function.end_lineno and function.end_lineno - function.lineno >= LONGEST_FUNCTION
    ]


def long_lines(tree: Tree) -> list[str]:
    """Lines of pages, styles and scripts, and of the scripts' tests; ruff reads those of Python."""
    return [
        f"{path.relative_to(tree.root)}:{number}"
        for suffix in (".html", ".css", ".js")
        for path in tree.files(suffix, "app/templates", "app/static", "frontend-nodes", "tests")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]


def environment_readers(tree: Tree, allowed: Collection[str]) -> list[str]:
    pattern = re.compile(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)")
    return [
        module.at(number)
        for module in tree.app
        if not _listed(module, allowed)
        for number, line in enumerate(module.text.splitlines(), 1)
        if pattern.search(line)
    ]


def outside_clients(tree: Tree, allowed: Collection[str]) -> list[str]:
    return [
        f"{module.at(line)} imports {target}"
        for module in tree.app
        if not _listed(module, allowed)
        for target, line in module.imports
        if any(_within(target, client) for client in CLIENTS)
    ]


def routes_without_scope(tree: Tree) -> list[str]:
    """API handlers that say a role and no scope."""
    wrong = []
    for module in tree.app:
        for function in module.functions():
            for call in (found for found in function.decorator_list if isinstance(found, ast.Call)):
                given = {keyword.arg for keyword in call.keywords}
                page = module.path.stem.endswith("pages") or "include_in_schema" in given
                if "role" in given and not page and "scope" not in given:
                    wrong.append(f"{module.at(function.lineno)} {function.name}")
    return wrong


def drawers(tree: Tree) -> list[str]:
    scripts = tree.files(".js", "app/static", "frontend-nodes")
    return [str(path) for path in [*(module.path for module in tree.python), *scripts] if Path(path).stem in DRAWERS]


def silent_modules(tree: Tree) -> list[str]:
    return [str(module.path) for module in tree.python if not _SPEAKS.match(module.text)]


_SPEAKS = re.compile(r'(?:\s|#[^\n]*\n)*r?"""(?!\s*""")')
"""A file that begins with a docstring which says something. Read from the text: to parse all tests takes seconds."""
