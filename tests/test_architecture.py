"""The rules of the house, kept by a machine: who imports whom, who commits, how long a file may be, where names come from.

The rules are in `tests/architecture/rules.py`, those of JavaScript in `scripts.py`, of pages in `pages.py`; `test_planted.py` there
plants each violation once.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture import pages, rules, scripts
from tests.architecture.house import (
    CLIENTS,
    COMMITS,
    ENVIRONMENT,
    LEVELS,
    SPAM_REPORTS,
    STATEMENTS,
    TYPES,
)
from tests.architecture.source import Tree

ROOT = Path(__file__).resolve().parents[1]
TREE = Tree(ROOT)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_package_has_its_level() -> None:
    assert not (wrong := rules.packages_without_level(TREE, LEVELS)), "\n".join(wrong)


def test_imports_point_down() -> None:
    assert not (wrong := rules.upward_imports(TREE, LEVELS)), "\n".join(wrong)


def test_no_packages_import_each_other() -> None:
    assert not (wrong := rules.circles(TREE, LEVELS)), "\n".join(wrong)


def test_only_the_edges_commit() -> None:
    assert not (wrong := rules.commits(TREE, COMMITS)), "\n".join(wrong)


def test_whoever_opens_a_transaction_says_by_which_role_it_works() -> None:
    assert not (wrong := rules.without_role(TREE, ["ops/"])), "\n".join(wrong)


def test_sql_stands_in_its_places() -> None:
    assert not (wrong := rules.statements(TREE, STATEMENTS)), "\n".join(wrong)


def test_a_public_name_stands_for_one_thing() -> None:
    assert not (wrong := rules.twice(TREE)), "\n".join(wrong)


def test_no_type_is_named_outside_its_module() -> None:
    assert not (wrong := rules.literals(TREE, TYPES)), "\n".join(wrong)


def test_names_say_what_they_hold() -> None:
    assert not (wrong := rules.fillers(TREE)), "\n".join(wrong)
    assert not (wrong := scripts.script_fillers(TREE)), "\n".join(wrong)


def test_what_is_typed_last_is_asked_for_last() -> None:
    assert not (wrong := pages.unsynchronised(TREE)), "\n".join(wrong)


def test_a_complaint_is_a_report_of_spam() -> None:
    assert not (wrong := rules.complaints(TREE, SPAM_REPORTS)), "\n".join(wrong)


def test_every_route_of_the_api_has_a_scope() -> None:
    """The app does not start without; this says it before anything is started."""
    assert not (wrong := rules.routes_without_scope(TREE)), f"say scope=Scope.… beside role: {wrong}"


def test_the_environment_is_read_in_one_place() -> None:
    assert not (wrong := rules.environment_readers(TREE, ENVIRONMENT)), f"read it in app/settings.py: {wrong}"


def test_outside_calls_have_one_client() -> None:
    assert not (wrong := rules.outside_clients(TREE, CLIENTS)), "\n".join(wrong)


def test_files_and_functions_stay_short() -> None:
    assert not (wrong := rules.long_files(TREE)), f"what noun wants a file of its own? {wrong}"
    assert not (wrong := rules.too_many_long_files(TREE)), wrong
    assert not (wrong := rules.long_functions(TREE)), "\n".join(wrong)


def test_lines_stay_short() -> None:
    assert not (wrong := rules.long_lines(TREE)), f"break them, or give what repeats a name: {wrong}"


def test_no_drawer_for_everything() -> None:
    assert not rules.drawers(TREE)


def test_every_module_says_what_it_is_for() -> None:
    assert not rules.silent_modules(TREE)


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
