"""`./dev new` writes types that are installed as they are, with a test that fails; docs/extending.md names what there is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from app.builder import canvas, type_check
from app.flow import discovery, presentation, registry, trigger_registry
from app.flow.node_type import NodeType
from app.web.fragments import FragmentEngine
from tests.fixtures.plugins import plugins_in
from tools.dev import new_type

ROOT = Path(__file__).resolve().parents[2]


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
        assert registry.problems(kind, type_check.example_of(look)) == []
        assert type_check.fault_of(engine(), look, kind.Config) == ""
        with pytest.raises(AssertionError):
            run_its_test(next(path for path in paths if path.name == "test_say_it_loud.py"))


def test_a_new_trigger_is_complete_but_for_what_it_listens_for(tmp_path: Path) -> None:
    paths = new_type.write("trigger", "order_placed", plugins=tmp_path)
    with plugins_in(tmp_path):
        assert presentation.refusals() == {}
        kind, look = trigger_registry.find("order_placed"), presentation.triggers()["order_placed"]
        assert kind is not None and trigger_registry.problems(kind, type_check.example_of(look)) == []
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


def test_the_document_names_every_file_and_everything_that_a_type_says() -> None:
    text = (ROOT / "docs" / "extending.md").read_text()
    for name, what in presentation.FILES.items():
        assert f"| `{name}` | {what} |" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    first = " ".join(row.split("|")[1] for row in rows)
    members = {name for name in (*vars(NodeType), *NodeType.__annotations__) if not name.startswith("_")}
    assert [name for name in sorted(members) if f"`{name}`" not in first] == []
