"""`./dev new` writes types that are installed as they are, with a test that fails; docs/extending.md names what there is."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from app.builder import canvas, type_check
from app.flow import discovery, presentation, registry, trigger_registry
from app.flow.node_type import NodeType
from app.flow.trigger_type import TriggerType
from app.messaging.channels import presentation as channel_presentation
from app.messaging.channels import registry as channel_registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.http_api import HttpApiConnector
from app.web.fragments import FragmentEngine
from tests.fixtures import documented
from tests.fixtures.plugins import plugins_in
from tests.messaging.test_channel_contract import check_channel, check_connector
from tools.dev import new_type

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "extending.md"


def run_its_test(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def engine() -> FragmentEngine:
    folders = discovery.frontend_folders(discovery.plugin_folder())
    made = FragmentEngine(directory=[ROOT / "app" / "templates", *folders])
    canvas.teach(made)
    return made


def test_a_new_step_type_is_complete_but_for_what_it_does(tmp_path: Path) -> None:
    paths = new_type.write("node", "say_it_loud", plugins=tmp_path)
    with plugins_in(tmp_path):
        assert presentation.refusals() == {}
        kind, look = registry.get("say_it_loud"), presentation.steps()["say_it_loud"]
        assert (kind.label, kind.__name__) == ("Say it loud", "SayItLoud")
        assert registry.diagnostics(kind, type_check.example_of(look)) == []
        assert type_check.fault_of(engine(), look, kind.Config) == ""
        with pytest.raises(AssertionError):
            run_its_test(next(path for path in paths if path.name == "test_say_it_loud.py"))


def test_a_new_trigger_is_complete_but_for_what_it_listens_for(tmp_path: Path) -> None:
    paths = new_type.write("trigger", "order_placed", plugins=tmp_path)
    with plugins_in(tmp_path):
        assert presentation.refusals() == {}
        kind, look = trigger_registry.find("order_placed"), presentation.triggers()["order_placed"]
        assert kind is not None and trigger_registry.diagnostics(kind, type_check.example_of(look)) == []
        assert type_check.fault_of(engine(), look, kind.Config) == ""
        with pytest.raises(AssertionError):
            run_its_test(next(path for path in paths if path.name == "test_order_placed.py"))


def test_in_the_product_the_files_lie_where_the_document_says(tmp_path: Path) -> None:
    paths = {str(path.relative_to(tmp_path)) for path in new_type.write("node", "shout", root=tmp_path)}
    folder = {f"frontend-nodes/shout/{name}" for name in presentation.FILES}
    assert paths == {"app/nodes/shout.py", "tests/nodes/test_shout.py", *folder}
    with pytest.raises(FileExistsError, match="is there already"):
        new_type.write("node", "shout", root=tmp_path)


@pytest.mark.parametrize("name", ["Shout", "2nd", "a-b", "_x", "class", "", "../x"])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(new_type.CannotBeNamed):
        new_type.write("node", name, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


PLACES = {
    "step type": ("node", "app/nodes/<type>.py", "frontend-nodes/<type>/", presentation.FILES),
    "trigger": ("trigger", "app/triggers/types/<type>.py", "frontend-nodes/triggers/<type>/", presentation.FILES),
    "channel": (
        "channel",
        "app/messaging/channels/<type>/channel.py",
        "frontend-nodes/channels/<type>/<connector type>/",
        channel_presentation.FILES,
    ),
}
"""Kind of the document → that of `./dev new`, where it says that module and folder lie, and the files of the folder."""


def chapter(name: str) -> str:
    """One chapter of docs/extending.md."""
    return DOCUMENT.read_text().split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("kind", PLACES)
def test_the_document_names_where_the_files_lie_that_are_written(kind: str) -> None:
    made_by, module, folder, files = PLACES[kind]
    assert f"| {kind} | `{module}` | `{folder}` |" in DOCUMENT.read_text()
    places = {place for place, _ in new_type.files(made_by, "shout") if not place.startswith("tests/")}
    on_disk = folder.replace("<type>", "shout").replace("<connector type>", "shout_service")
    expected = {module.replace("<type>", "shout"), *(f"{on_disk}{name}" for name in files)}
    assert {place for place in places if not place.endswith("__init__.py")} == expected
    rows = "A step type" if kind == "trigger" else f"A {kind}"
    for name, what in files.items():
        assert f"| `{name}` | {what} |" in chapter(rows)


def _said(*contracts: type) -> set[str]:
    return {word for contract in contracts for word in (*vars(contract), *contract.__annotations__) if word[0] != "_"}


def test_the_document_names_what_a_provider_with_an_http_api_says() -> None:
    rows = [line for line in chapter("A provider with an HTTP API").splitlines() if line.startswith("| `")]
    named = {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert named == _said(HttpApiConnector) - _said(ConnectorType)


@pytest.mark.parametrize(
    ("name", "contracts"),
    [("A step type", [NodeType]), ("A trigger", [TriggerType]), ("A channel", [ChannelType, ConnectorType])],
)
def test_the_document_names_everything_that_a_type_says(name: str, contracts: list[type]) -> None:
    rows = [line for line in chapter(name).splitlines() if line.startswith("| `")]
    first = " ".join(row.split("|")[1] for row in rows)
    said = _said(*contracts)
    assert [word for word in sorted(said) if f"`{word}`" not in first] == []
    known = said | {file for *_, files in PLACES.values() for file in files} | {"form.js", "presets", "tools.html"}
    assert [word for word in re.findall(r"`([^`]+)`", first) if word not in known] == [], "what no type says"


def test_the_documented_channel_is_installed_and_whole(tmp_path: Path) -> None:
    assert len(documented.write(tmp_path)) == 1 + len(channel_presentation.FILES)
    with plugins_in(tmp_path):
        assert channel_presentation.refusals() == {}
        channel = channel_registry.find("noticeboard")
        assert channel is not None
        check_channel(channel)
        check_connector(channel.connectors[0])
