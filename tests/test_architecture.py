"""The rules of the house, kept by a machine: who imports whom, who commits, how long a file may be, where names come from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"

LEVELS = (
    {"asgi", "worker", "scheduler", "cli", "features", "local", "ops", "demo", "reference"},
    {"builder"},
    {"triggers", "insights", "system"},
    {"runs", "retention", "simulate", "troubles"},
    {"engine"},
    {
        "workflows",
        "contacts",
        "segments",
        "message_templates",
        "mailbox",
        "messaging",
        "connectors",
        "accounts",
        "events",
    },
    {"inbox", "idempotency"},
    {"nodes", "triggers.types", "messaging.channels"},
    {"flow"},
    {"values"},
    {"models"},
    {"web"},
    {"lib", "errors", "settings"},
)
"""From the top down: a module may import what stands below it, never what stands above. A longer name is looked for first."""

ANYBODY = {"app.accounts.principal", "app.accounts.guards", "app.accounts.deps"}
"""Who asks, what they may, and what is made in their name: every page and API handler reads it."""

NEIGHBOURS = {
    ("contacts", "app.events"): "a change of a contact is an event",
    ("contacts", "app.messaging.suppression"): "a contact's page shows and changes whether they may be mailed",
    ("messaging", "app.connectors"): "the gateway sends through a connector",
    ("messaging", "app.contacts"): "consent is read in the transaction before the send",
    ("messaging", "app.events.record"): "an unsubscribe is an event",
    ("events", "app.contacts"): "an event finds or makes its contact",
    (
        "connectors",
        "app.messaging.suppression",
    ): "a test mail asks whether its address may be written to, as every mail does",
    ("connectors", "app.workflows.usage"): "a connector that a workflow uses stays",
    ("workflows", "app.contacts.known_names"): "does any contact have the field that a step reads?",
    ("workflows", "app.messaging"): "does the template of a node exist? and messages that a pause held are freed",
    ("flow", "app.nodes"): "the registry imports what it finds there",
    ("flow", "app.triggers.types"): "the registry of triggers imports what it finds there",
    ("mailbox", "app.message_templates"): "a mail is framed as a preview is",
    ("message_templates", "app.messaging.suppression"): "a preview says whether its contact may be written to",
    ("message_templates", "app.workflows.usage"): "a template that a workflow uses stays",
    ("message_templates", "app.connectors"): "a test goes out through the default connector",
    ("message_templates", "app.contacts.known_names"): "does any contact have the field that a template reads?",
    ("message_templates", "app.contacts.repository"): "a preview is for a contact",
    ("messaging", "app.mailbox.repository"): "the page of a message shows its mail in the local mailbox",
    ("messaging", "app.message_templates"): "a mail is rendered from its template",
}
"""Imports between packages of one level, each with its reason. The package's `__init__` says it too."""

PYTHON = sorted(path for folder in ("app", "tests", "e2e", "bench") for path in (ROOT / folder).rglob("*.py"))
SOURCES = [path for path in PYTHON if path.is_relative_to(APP)]
SCRIPTS = sorted(path for folder in ("app/static", "frontend-nodes") for path in (ROOT / folder).rglob("*.js"))
SCRIPTS = [path for path in SCRIPTS if "vendor" not in path.parts]


def name_of(path: Path) -> str:
    """`app/runs/api.py` → `app.runs.api`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    """`app.messaging.channels.email.mime` → `messaging.channels`, `app.runs.api` → `runs`: what has a level of its own."""
    parts = module.split(".")[1:] or [""]
    double = ".".join(parts[:2])
    return double if any(double in names for names in LEVELS) else parts[0]


def level_of(package: str) -> int | None:
    return next((number for number, names in enumerate(LEVELS) if package in names), None)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that `path` imports, inside functions too; type-checking blocks count as well."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name, node.lineno) for name in found)


def shown(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def test_every_package_has_its_level() -> None:
    packages = {path.relative_to(APP).parts[0].removesuffix(".py") for path in SOURCES} - {"__init__"}
    assert not {name for name in packages if level_of(name) is None}, "give it a place in LEVELS"


def test_imports_point_down() -> None:
    wrong = []
    for path in SOURCES:
        own = package_of(name_of(path))
        for target, line in imports(path):
            parts = target.split(".")
            if parts[0] != "app" or len(parts) < 2 or target.startswith(tuple(ANYBODY)):
                continue
            other = package_of(target)
            if other == own:
                continue
            here, there = level_of(own), level_of(other)
            if here is None or there is None or there > here or (here in (0, len(LEVELS) - 1) and here == there):
                continue
            if any(own == who and target.startswith(what) for who, what in NEIGHBOURS):
                continue
            wrong.append(f"{shown(path, line)} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_only_the_edges_commit() -> None:
    allowed = {APP / "lib" / "database.py", APP / "lib" / "holding.py", APP / "web" / "transactions.py"}
    wrong = []
    for path in SOURCES:
        if path in allowed or path.is_relative_to(APP / "engine"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                wrong.append(shown(path, node.lineno))
    assert not wrong, f"only lib/database, lib/holding and web/transactions commit (the engine: its batches): {wrong}"


def test_every_route_of_the_api_has_a_scope() -> None:
    """The app does not start without; this says it before anything is started."""
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncFunctionDef):
                for call in (found for found in node.decorator_list if isinstance(found, ast.Call)):
                    given = {keyword.arg for keyword in call.keywords}
                    pages = path.stem.endswith("pages") or "include_in_schema" in given
                    if "role" in given and not pages and "scope" not in given:
                        wrong.append(f"{shown(path, node.lineno)} {node.name}")
    assert not wrong, f"say scope=Scope.… beside role: {wrong}"


def test_the_environment_is_read_in_one_place() -> None:
    allowed = {APP / "settings.py", APP / "local" / "environment.py"}
    wrong = [
        shown(path, number)
        for path in SOURCES
        if path not in allowed
        for number, text in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)", text)
    ]
    assert not wrong, f"read it in app/settings.py: {wrong}"


def test_outside_calls_have_one_client() -> None:
    clients = ("httpx", "requests", "aiohttp", "urllib.request", "urllib3", "http.client")
    wrong = [
        f"{shown(path, line)} imports {target}"
        for path in SOURCES
        if path != APP / "lib" / "http.py"
        for target, line in imports(path)
        if any(target == client or target.startswith(f"{client}.") for client in clients)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("layer", ["api", "pages", "schemas", "service", "jobs"])
def test_queries_live_in_repositories(layer: str) -> None:
    """Or in a module that is the store of one noun (`ledger`, `sessions`) and is explained in its package."""
    wrong = []
    for path in APP.rglob(f"*{layer}.py"):
        if path.is_relative_to(APP / "lib"):
            continue
        for target, line in imports(path):
            if target in {f"sqlalchemy.{name}" for name in ("select", "insert", "update", "delete", "text")}:
                wrong.append(f"{shown(path, line)} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_files_stay_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in PYTHON}
    long = [f"{shown(path)}: {lines}" for path, lines in lengths.items() if lines > 400]
    assert not long, f"what noun wants a file of its own? {long}"
    assert quantiles(lengths.values(), n=10)[-1] <= 250, "one file in ten may be longer than 250 lines, no more"


def test_scripts_stay_short() -> None:
    long = [shown(path) for path in SCRIPTS if len(path.read_text().splitlines()) >= 350]
    assert not long, f"350 lines at most: {long}"


def test_no_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [shown(path) for path in [*PYTHON, *SCRIPTS] if path.stem in drawers]


def test_every_module_says_what_it_is_for() -> None:
    silent = [shown(path) for path in PYTHON if not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()]
    assert not silent, silent


def test_one_migration_is_the_newest() -> None:
    revisions, below = set(), set()
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                    (revisions if target.id == "revision" else below).add(node.value.value)
    assert len(revisions - below) == 1, f"two branches of migrations: {revisions - below}"


def test_nothing_names_where_packages_come_from() -> None:
    texts = [
        ROOT / name for name in ("requirements.lock", "requirements-test.lock", "pyproject.toml", "dev", "Dockerfile")
    ]
    texts += [ROOT / "tools" / "uv.lock", *(ROOT / "tools").glob("*.txt")]
    wrong = [shown(path) for path in texts if path.exists() and re.search(r"index-url|/simple\b", path.read_text())]
    assert not wrong, wrong
