"""A step type of the plugin directory is a step type like any other, and a broken one is left out with a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import nodes
from app.builder import canvas, type_check
from app.flow import diagram, discovery, presentation, registry, trigger_registry
from app.flow.document import Flow
from app.flow.step_types import INSTALLED
from app.flow.validation import validate
from app.insights.pages import _outflow
from app.insights.schemas import NodeStats
from app.settings import UnsafeSettings, read_settings
from app.web.fragments import FragmentEngine
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.plugins import PICK_FILES, SWITCH, plugins_in, write_pick
from tests.fixtures.world import World, flow, node
from tests.plugins.tide import TRIGGER

CASES = [{"id": "gold", "label": "Gold", "equals": "gold"}, {"id": "silver", "equals": "silver"}]
SHORT = """
from app.flow import registry
from app.flow.node_type import NodeType

@registry.node
class Short(NodeType):
    type = "short"
"""
OWN_DIAGNOSTICS = """
    @classmethod
    def diagnostics(cls, config):
        return []
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pick(tmp_path: Path) -> Iterator[Path]:
    write_pick(tmp_path)
    with plugins_in(tmp_path):
        yield tmp_path


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


def engine() -> FragmentEngine:
    folders = discovery.frontend_folders(discovery.plugin_folder())
    made = FragmentEngine(directory=[ROOT / "app" / "templates", *folders])
    canvas.teach(made)
    return made


def document(**data: Any) -> dict[str, Any]:
    nodes = [node("p", "pick", **data), *(node(tag, "add_tag", tag=tag) for tag in ("rich", "fair", "rest"))]
    ways = (("trigger", "p"), ("p", "rich", "gold"), ("p", "fair", "silver"), ("p", "rest", "default"))
    return Flow.load(flow("e", nodes, *ways)).document()


def test_a_flow_runs_through_ways_out_that_its_config_makes(pick: Path, world: World) -> None:
    plans = ["gold", "silver", "silver", "none"]
    people = [world.contacts(1, attributes={"plan": plan})[0] for plan in plans]
    workflow = world.workflow(document(value="contact.plan", cases=CASES))
    world.emit("e", people)
    assert world.runs(workflow) == {"completed": 4}
    tags = {row[0][0] for row in world.db.execute("select tags from contacts where tags <> '{}'").fetchall()}
    assert tags == {"rich", "fair", "rest"}
    counted = dict(
        world.db.execute("select key, sum(n)::int from node_stats where node_id = 'p' group by 1").fetchall()
    )
    assert {key: counted[key] for key in ("gold", "silver", "default")} == {"gold": 1, "silver": 2, "default": 1}
    world.balanced()


def test_its_ways_out_have_their_words_everywhere(pick: Path) -> None:
    graph = document(value="contact.plan", cases=CASES)
    told = validate(Flow.load(graph), types=INSTALLED, rows={})
    assert told.all == ()
    drawn = diagram.draw(graph)
    assert [line.label for line in drawn.lines if line.source == "p"] == ["Gold", "silver", "Otherwise"]
    assert next(card.title for card in drawn.cards if card.id == "p") == "Pick by contact.plan"
    (card,) = canvas.cards(graph, {"p"})
    assert [port["id"] for port in card["own_ports"]] == ["gold", "silver", "default"]
    html = engine().get_template("builder/card.html").render(**card, choices=None)
    assert "Gold" in html and "data-ports=" in html and "Pick by contact.plan" in html
    data = {"value": "contact.plan", "cases": CASES}
    assert _outflow(NodeStats(executed=4, ports={"gold": 1, "silver": 3}), "pick", data) == "25% Gold, 75% silver"


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([{"id": "a"}, {"id": "a"}], "Two branches are called “a”"),
        ([{"id": "failed"}], "No branch may be called “failed”"),
        ([{"id": "message.sent"}], "without a dot"),
        ([{"id": ""}], "1 to 100 characters"),
        ([{"id": "default"}], "Two branches are called “default”"),
    ],
)
def test_ways_out_that_would_be_mistaken_are_refused(pick: Path, cases: list[dict[str, Any]], words: str) -> None:
    (diagnostic,) = registry.diagnostics(registry.get("pick"), {"value": "plan", "cases": cases})
    assert words in diagnostic.message and diagnostic.blocks_save


def test_taking_a_case_away_keeps_the_edge_and_says_so(pick: Path) -> None:
    (told,) = validate(Flow.load(document(value="plan", cases=CASES[:1])), types=INSTALLED, rows={}).all
    assert "“silver” was removed from this step" in told.message and not told.blocks_save


@pytest.mark.parametrize("file", PICK_FILES)
def test_a_type_without_a_file_is_not_installed_and_hurts_nobody(tmp_path: Path, file: str) -> None:
    write_pick(tmp_path)
    (tmp_path / "frontend" / "pick" / file).unlink()
    with plugins_in(tmp_path):
        others = list(presentation.steps())
        assert "pick" not in others and "delay" in others
        assert presentation.refusals()["pick"] == f"frontend/pick/{file} is missing."
        look = presentation.step("pick")
        assert not look.installed and file in look.refusal
        assert "pick" not in INSTALLED.names() and "pick" not in {one["type"] for one in INSTALLED.catalogue()}
        assert registry.find("pick") is not None, "the engine goes on with the runs that are there"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("node.json", "{", "node.json is no JSON"),
        ("example.json", "[]", "must be an object"),
        ("icon.svg", "<p>", "shows nothing"),
    ],
)
def test_files_that_do_not_hold_what_they_should_are_named(tmp_path: Path, file: str, text: str, words: str) -> None:
    write_pick(tmp_path)
    (tmp_path / "frontend" / "pick" / file).write_text(text)
    with plugins_in(tmp_path):
        assert words in presentation.refusals()["pick"] and "delay" in presentation.steps()


def test_a_type_whose_templates_do_not_work_is_not_installed(pick: Path) -> None:
    templates = engine()
    for file, text, words in (
        ("form.html", '{{ ui.field("colour", "Colour", "") }}', "asks for colour, which the Config does not have"),
        ("form.html", "{{ nothing.at.all }}", "cannot be shown"),
        ("card.html", "{% block %}", "cannot be shown"),
    ):
        place = pick / "frontend" / "pick" / file
        place.write_text(text)
        os.utime(place, ns=(0, place.stat().st_size))
        presentation.forget()
        look = presentation.steps()["pick"]
        assert words in type_check.fault_of(templates, look, registry.get("pick").Config), text
        place.write_text(PICK_FILES[file])
    (pick / "frontend" / "pick" / "form.html").write_text("{{ nothing.at.all }}")
    type_check.check_types(templates)
    assert list(presentation.refusals()) == ["pick"] and "delay" in presentation.steps()


def test_modules_that_cannot_be_loaded_are_named(tmp_path: Path) -> None:
    write_pick(tmp_path)
    module = (tmp_path / "nodes" / "pick.py").read_text()
    for name, text in {
        "broken": "1 +",
        "twice": module.replace('"pick"', '"delay"'),
        "odd": module.replace('"logic"', '"magic"').replace('"pick"', '"odd"'),
        "short": SHORT,
    }.items():
        (tmp_path / "nodes" / f"{name}.py").write_text(text)
    with plugins_in(tmp_path):
        told = registry.failures()
        assert list(told) == ["broken", "odd", "short", "twice"] and "pick" in registry.types()
        assert told["broken"].startswith("nodes/broken.py could not be loaded: ")
        assert "Two node types are called 'delay'" in told["twice"] and "'magic' is no category" in told["odd"]
        assert "does not say its label, category, description, Config" in told["short"]


@pytest.mark.parametrize(("kind", "text"), [("nodes", SWITCH), ("triggers", TRIGGER)])
def test_a_type_that_says_its_diagnostics_under_the_old_name_is_refused(tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / kind).mkdir()
    current = text if "def diagnostics(" in text else f"{text}{OWN_DIAGNOSTICS}"
    (tmp_path / kind / "old.py").write_text(current.replace("def diagnostics(", "def issues("))
    with plugins_in(tmp_path):
        refusals = {**registry.failures(), **trigger_registry.failures()}
        assert list(refusals) == ["old"]
        assert f"Rename issues to diagnostics in throughline_plugins.{kind}.old: " in refusals["old"]
        assert registry.find("pick") is None and trigger_registry.find("spring_tide") is None
    (tmp_path / kind / "old.py").write_text(current)
    with plugins_in(tmp_path):
        assert {**registry.failures(), **trigger_registry.failures()} == {}


def test_a_process_loads_the_directory_that_its_environment_names(tmp_path: Path) -> None:
    write_pick(tmp_path)
    code = (
        "from app import installed_types; from app.flow import presentation; installed_types.install();"
        "print(*presentation.steps(), presentation.refusals())"
    )
    environment = {**os.environ, "THROUGHLINE_LOCAL": "1", "THROUGHLINE_PLUGINS": str(tmp_path)}
    run = [sys.executable, "-c", code]
    told = subprocess.run(run, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "pick" in told and "delay" in told and told[-1] == "{}"


@pytest.mark.parametrize(
    "types", [discovery.TypeList("node type", "nodes", ()), discovery.TypeList("trigger type", "", ())]
)
def test_a_process_that_did_not_say_where_types_are_gets_no_empty_list(types: discovery.TypeList[Any]) -> None:
    for _ in range(2):
        with pytest.raises(discovery.TypesNotInstalled, match=r"Call app\.installed_types\.install"):
            types.discover()
    types.look_in(nodes)
    types.discover()


def test_a_plugin_directory_that_is_not_there_keeps_the_process_from_starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THROUGHLINE_PLUGINS", str(tmp_path / "nowhere"))
    with pytest.raises(UnsafeSettings, match="which is no directory"):
        read_settings()
    monkeypatch.setenv("THROUGHLINE_PLUGINS", str(tmp_path))
    assert read_settings().plugins == tmp_path.resolve()
