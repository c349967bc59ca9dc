"""Every rule catches what it is for: a violation is planted into a small tree of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import pages, rules, scripts
from tests.architecture.source import Tree

LEVELS = rules.Levels([{"asgi"}, {"runs"}, {"workflows", "contacts", "events"}, {"nodes", "runs.types"}, {"lib"}])
Plant = Callable[..., Tree]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes files, given as path → text; answers the tree."""

    def write(**files: str) -> Tree:
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return Tree(tmp_path)

    return write


@pytest.mark.parametrize(
    "text",
    [
        "from app.runs import service",
        "import app.runs.service",
        "import app.runs.service as lower",
        "from app.runs.service import RunService as Lower",
        "def late():\n    from app.runs import service",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.runs.service import RunService",
        "from ..runs import service",
    ],
)
def test_an_import_that_points_up(plant: Plant, text: str) -> None:
    assert rules.upward_imports(plant(**{"app/workflows/service.py": text}), LEVELS)


@pytest.mark.parametrize("target", ["app.contacts.repository", "app.events"])
def test_an_import_of_a_neighbour(plant: Plant, target: str) -> None:
    assert rules.upward_imports(plant(**{"app/workflows/service.py": f"import {target}"}), LEVELS)


@pytest.mark.parametrize(("importer", "target"), [("asgi", "worker"), ("lib/clock", "errors")])
def test_the_highest_and_the_lowest_row_are_rows_like_the_others(plant: Plant, importer: str, target: str) -> None:
    levels = rules.Levels([{"asgi", "worker"}, {"runs"}, {"lib", "errors"}])
    assert rules.upward_imports(plant(**{f"app/{importer}.py": f"from app import {target}"}), levels)


def test_an_import_that_points_down_is_fine_and_a_part_may_stand_lower(plant: Plant) -> None:
    tree = plant(
        **{"app/runs/service.py": "import app.lib.clock", "app/workflows/service.py": "import app.runs.types.one"}
    )
    assert not rules.upward_imports(tree, LEVELS)
    assert rules.upward_imports(plant(**{"app/runs/types/one.py": "import app.workflows.service"}), LEVELS)


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("import app.events.record", "import app.contacts.service"),
        ("from app.events import record", "def late():\n    import app.contacts.service"),
    ],
)
def test_a_circle(plant: Plant, there: str, back: str) -> None:
    tree = plant(**{"app/contacts/service.py": there, "app/events/record.py": back})
    assert rules.circles(tree, LEVELS) == ["contacts ↔ events"]


def test_a_circle_by_way_of_a_third(plant: Plant) -> None:
    tree = plant(
        **{
            "app/contacts/a.py": "import app.events.b",
            "app/events/b.py": "import app.workflows.c",
            "app/workflows/c.py": "import app.contacts.a",
        }
    )
    assert rules.circles(tree, LEVELS) == ["contacts ↔ events ↔ workflows"]


def test_a_package_without_level_and_a_level_without_package(plant: Plant) -> None:
    levels = rules.Levels([{"runs", "segments"}, {"runs.types"}])
    wrong = rules.packages_without_level(plant(**{"app/surprise/a.py": "", "app/runs/types/b.py": ""}), levels)
    assert wrong == [
        "surprise stands in no row of LEVELS", "runs in LEVELS is no package", "segments in LEVELS is no package",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "async def go(session):\n    await session.commit()",
        "async def go(self):\n    await self.db_session.commit()",
        "async def go(make):\n    async with make() as session, session.begin():\n        pass",
        "def go(connection):\n    with connection.begin():\n        pass",
        "def go(x):\n    x.commit()",
    ],
)
def test_a_commit_elsewhere(plant: Plant, text: str) -> None:
    tree = plant(**{"app/contacts/service.py": text, "app/lib/database.py": text})
    assert len(rules.commits(tree, ["lib/database.py"])) == 1


@pytest.mark.parametrize(
    ("call", "count"), [("transaction()", 1), ("session_maker()()", 1), ("transaction(Role.WEB)", 0)]
)
def test_a_transaction_without_a_role(plant: Plant, call: str, count: int) -> None:
    text = f"async def go():\n    async with database.{call} as session:\n        pass"
    tree = plant(**{"app/contacts/jobs.py": text, "app/ops/demo.py": text})
    assert len(rules.without_role(tree, ["ops/"])) == count


def test_a_savepoint_is_no_commit(plant: Plant) -> None:
    assert not rules.commits(plant(**{"app/contacts/a.py": "def go(session):\n    session.begin_nested()"}), [])


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy import select",
        "from sqlalchemy import text as sql",
        "from sqlalchemy.dialects.postgresql import insert",
        "def late():\n    from sqlalchemy import update",
        'QUERY = "select id from runs"',
        'QUERY = """\n  with due as (select 1 from runs) select * from due"""',
        'QUERY = f"DELETE FROM {1}"',
        'QUERY = "update runs set status = 1"',
    ],
)
def test_sql_elsewhere(plant: Plant, text: str) -> None:
    tree = plant(**{"app/contacts/preview.py": text, "app/contacts/repository.py": text, "app/engine/a.py": text})
    assert rules.statements(tree, ["*repository.py", "engine/"]) == [
        line for line in rules.statements(tree, ["*repository.py", "engine/"]) if "preview" in line
    ]
    assert rules.statements(tree, ["*repository.py", "engine/"])


def test_a_sentence_is_no_sql_and_a_place_without_sql_is_named(plant: Plant) -> None:
    tree = plant(**{"app/contacts/a.py": '"""Select from the list."""\nWORDS = "Delete this contact?"'})
    assert not rules.statements(tree, [])
    assert rules.statements(tree, ["contacts/a.py"]) == ["contacts/a.py holds no SQL"]


@pytest.mark.parametrize(
    "text", ["class Graph:\n    pass", "from app.contacts.a import Other\nclass Graph(Other):\n    pass"]
)
def test_two_classes_of_one_name(plant: Plant, text: str) -> None:
    tree = plant(**{"app/contacts/a.py": "class Graph:\n    pass\nclass Other:\n    pass", "app/runs/b.py": text})
    assert rules.twice(tree) == ["Graph is in app/contacts/a.py, app/runs/b.py"]


def test_two_functions_of_one_name_that_are_imported_by_it(plant: Plant) -> None:
    one = "def counted():\n    pass"
    tree = plant(**{"app/contacts/a.py": one, "app/events/b.py": one})
    assert not rules.twice(tree), "with their modules' names before them they are told apart"
    tree = plant(**{"app/runs/c.py": "from app.contacts.a import counted\nfrom app.events.b import counted as other"})
    assert len(rules.twice(tree)) == 1


WORDS = {"send_email": ("app/nodes/",), "delay": ("app/nodes/",)}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/runs/a.py", 'def go(node):\n    return node.type == "send_email"'),
        ("app/runs/a.py", "SQL = \"select 1 from steps where type = 'delay'\""),
        ("app/runs/a.py", 'from app.flow import registry\nTYPE = registry.get("delay")  # type'),
        ("app/templates/runs/run.html", "{% if node.type == 'delay' %}"),
        ("app/static/canvas/a.js", 'if (node.type === "send_email") go();'),
        ("frontend-nodes/add_tag/form.html", "{% if kind == 'delay' %}"),
    ],
)
def test_a_type_named_elsewhere(plant: Plant, path: str, text: str) -> None:
    tree = plant(**{path: text, "app/nodes/delay.py": 'class Delay:\n    type = "delay"'})
    assert len(rules.literals(tree, WORDS)) == 1


def test_a_word_that_is_no_type(plant: Plant) -> None:
    field = '<input type="text" name="delay">'
    code = '"""A step of type "delay"."""\nFIELDS = ["delay"]'
    tree = plant(**{"app/runs/a.py": code, "app/templates/runs/run.html": field})
    assert not rules.literals(tree, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "found = 1",
        "found: int = 1",
        "for made in ():\n    pass",
        "if told := 1:\n    pass",
        "ROWS = [asked for asked in ()]",
        "def go(found):\n    pass",
        "GO = lambda *, made: 1",
        "def told():\n    pass",
        "with open('a') as (found, other):\n    pass",
        "class A:\n    def __init__(self):\n        self.asked = 1",
    ],
)
def test_a_name_that_fits_anything(plant: Plant, text: str) -> None:
    assert len(rules.fillers(plant(**{"app/runs/a.py": text, "tests/a.py": text}))) == 1


@pytest.mark.parametrize("name", sorted(rules.FILLERS))
def test_each_filler_is_refused(plant: Plant, name: str) -> None:
    assert len(rules.fillers(plant(**{"app/runs/a.py": f"{name} = 1"}))) == 1
    assert not rules.fillers(plant(**{"app/runs/a.py": f"{name}_runs = 1"}))


@pytest.mark.parametrize("path", ["app/a.py", "bench/rig/a.py", "tools/dev/a.py"])
def test_names_are_read_in_tools_and_measurements_too(plant: Plant, path: str) -> None:
    assert len(rules.fillers(plant(**{path: "found = 1"}))) == 1


def test_a_word_of_prose_is_no_name(plant: Plant) -> None:
    text = '"""What was found."""\nfrom app.lib import a\na.go(found=1)\nWORDS = "None was made."'
    assert not rules.fillers(plant(**{"app/runs/a.py": text}))


@pytest.mark.parametrize(
    "text",
    [
        "const found = 1;",
        "let made;",
        "const { text, lost } = reply();",
        "const { text: told } = reply();",
        "const [given] = rows;",
        "for (const kept of rows) go();",
        "function asked() {}",
        "rows.map((found) => found.id);",
        "rows.map(found => 1);",
        "const go = (...rest) => 1;",
        "class A { over() {} }",
        "class A { #made = 1; }",
        "class A { constructor() { this.told = 1; } }",
        "const text = `${found} rows`;",
        "const regex = /'/; const made = 1;",
    ],
)
@pytest.mark.parametrize("path", ["app/static/canvas/a.js", "frontend-nodes/delay/form.js", "tests/canvas/a.test.js"])
def test_a_name_that_fits_anything_in_javascript(plant: Plant, path: str, text: str) -> None:
    assert len(scripts.script_fillers(plant(**{path: text}))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "// what was found",
        "/** Rows that are told\n apart, and the rest. */",
        "const text = 'nothing found';",
        'say("what was kept");',
        "const text = `found`;",
        "event.given.kept.go();",
        "send({ rest: 1 });",
        "const foundation = madeOf(1);",
    ],
)
def test_prose_keys_and_members_are_no_names_in_javascript(plant: Plant, text: str) -> None:
    assert not scripts.script_fillers(plant(**{"app/static/a.js": text}))
    assert not scripts.script_fillers(plant(**{"app/static/vendor/a.js": "const found = 1;"}))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/runs/a.py", "complaints = []"),
        ("app/runs/a.py", '"""Every complaint."""'),
        ("app/lib/a.py", "def all_complaints():\n    pass"),
        ("app/templates/a.html", '<ul class="complaints">'),
        ("tools/a.py", "class Complaint:\n    pass"),
    ],
)
def test_a_complaint_that_is_no_spam_report(plant: Plant, path: str, text: str) -> None:
    tree = plant(**{path: text})
    assert len(rules.complaints(tree, [])) == 1
    assert not rules.complaints(tree, [path])
    assert rules.complaints(tree, [path, "app/gone.py"]), "the list can only shrink"


def test_who_complained_is_no_complaint(plant: Plant) -> None:
    assert not rules.complaints(plant(**{"app/runs/a.py": 'REASON = "complained"'}), [])


@pytest.mark.parametrize(
    "path", ["app/runs/a.py", "tests/a.py", "app/static/a.css", "app/static/a.js", "app/templates/a.html"]
)
def test_a_file_too_long(plant: Plant, path: str) -> None:
    assert not rules.long_files(plant(**{path: "\n" * 400}))
    assert len(rules.long_files(plant(**{path: "\n" * 401}))) == 1


def test_a_function_too_long(plant: Plant) -> None:
    body = "    pass\n"
    assert not rules.long_functions(plant(**{"app/runs/a.py": f"def go():\n{body * 49}"}))
    assert len(rules.long_functions(plant(**{"app/runs/a.py": f"async def go():\n{body * 50}"}))) == 1


@pytest.mark.parametrize(
    "path",
    [
        "app/templates/a.html",
        "frontend-nodes/delay/form.html",
        "app/static/a.css",
        "app/static/canvas/a.js",
        "tests/canvas/a.test.js",
    ],
)
def test_a_line_too_long(plant: Plant, path: str) -> None:
    assert rules.long_lines(plant(**{path: f"{'a' * 160}\n{'b' * 161}"})) == [f"{path}:2"]


def test_a_long_line_of_others_is_theirs(plant: Plant) -> None:
    assert not rules.long_lines(plant(**{"app/static/vendor/a.js": "a" * 161}))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.environment_readers, "import os\nX = os.environ['X']"),
        (rules.environment_readers, "from os import getenv"),
        (rules.outside_clients, "import httpx"),
        (rules.outside_clients, "def late():\n    from urllib import request"),
        (rules.outside_clients, "from http.client import HTTPConnection"),
    ],
)
def test_the_environment_and_the_outside(plant: Plant, rule: Callable[..., list[str]], text: str) -> None:
    tree = plant(**{"app/runs/a.py": text})
    assert rule(tree, [])
    assert not rule(tree, ["runs/a.py"])


def test_a_route_without_scope_a_drawer_and_a_silent_module(plant: Plant) -> None:
    tree = plant(**{"app/runs/api.py": "@get('/', role=1)\nasync def show():\n    pass", "app/runs/utils.py": ""})
    assert rules.routes_without_scope(tree)
    assert rules.drawers(tree)
    assert len(rules.silent_modules(tree)) == 2


@pytest.mark.parametrize("text", ["# Only a comment.\nx = 1", '"""  """\nx = 1', 'x = """Assigned."""', '""""""'])
def test_a_module_that_says_nothing(plant: Plant, text: str) -> None:
    assert rules.silent_modules(plant(**{"tools/a.py": text}))


@pytest.mark.parametrize("text", ['"""One line."""', '# A comment.\n\n"""\nSaid.\n"""', 'r"""A \\ raw one."""'])
def test_a_module_that_says_what_it_is_for(plant: Plant, text: str) -> None:
    assert not rules.silent_modules(plant(**{"tools/a.py": text}))


SET = """{% set as_typed = {
  "hx-get": "/a", "hx-trigger": "input changed delay:250ms"SYNC} %}
<form>{{ ui.search("search", attrs=as_typed) }}</form>"""


@pytest.mark.parametrize(
    "text",
    [
        '<form hx-get="/a"\n  hx-trigger="submit, input delay:250ms"SYNC>\n</form>',
        '<div hx-trigger="change from:#f" hx-get="/a"SYNC></div>',
        "<input hx-get='/a' hx-trigger='keyup[key == 1]'SYNC>",
        '<select name="a" hx-get="/a"SYNC></select>',
        SET,
        '{% set ask = {"hx-get": "/a"SYNC} %}<div hx-trigger="load, change"{{ ask|xmlattr }}></div>',
        '{% set ask = {"hx-get": "/a"SYNC} %}{{ ui.chooser("a", attrs=dict(ask, **{"hx-target": "#b"})) }}',
    ],
)
def test_a_request_that_drops_what_is_typed_meanwhile(plant: Plant, text: str) -> None:
    in_a_dict = text.startswith("{%")
    sync = ', "hx-sync": "this:replace"' if in_a_dict else ' hx-sync="this:replace"'
    path = "frontend-nodes/date/form.html"
    assert len(pages.unsynchronised(plant(**{path: text.replace("SYNC", "")}))) == 1
    assert not pages.unsynchronised(plant(**{path: text.replace("SYNC", sync)}))
    one_without = text.replace("SYNC", "") + '<p hx-get="/b" hx-trigger="change" hx-sync="this:replace"></p>'
    assert pages.unsynchronised(plant(**{path: one_without})), "another element's word counts for that one only"


@pytest.mark.parametrize(
    "text",
    [
        '<div hx-get="/a" hx-trigger="every 2s"></div>',
        '<form hx-post="/a"></form><input name="change">',
        '{# <div hx-get="/a" hx-trigger="change"></div> #}',
        '{% set poll = {"hx-get": "/a", "hx-trigger": "load"} %}<div{{ poll|xmlattr }}></div>',
        '{% set base = "/a" %}{{ ui.button("Go", attrs={"hx-post": base}) }}{{ ui.select("base", "Base") }}',
    ],
)
def test_a_request_that_no_typing_sends(plant: Plant, text: str) -> None:
    assert not pages.unsynchronised(plant(**{"app/templates/runs/list.html": text}))
