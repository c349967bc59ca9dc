"""Every step and trigger type is complete: a class, a folder, a form whose fields are fields of its config, a valid example.

A new type is covered by being there. A folder without a type fails too: nobody could ever see it.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.builder import canvas
from app.builder.form_options import Choices
from app.flow import presentation, registry, trigger_registry
from app.flow.node_words import summary_of
from app.flow.presentation import FOLDER
from app.lib.complaints import is_left_out
from app.web.fragments import FragmentEngine

FILES = ("icon.svg", "card.html", "form.html", "help.md", "example.json", "face.json")
STEPS = list(registry.types())
TRIGGERS = list(trigger_registry.types())
BOTH = [*STEPS, *(f"triggers/{name}" for name in TRIGGERS)]
ENGINE = FragmentEngine(directory=[FOLDER.parent / "app" / "templates", FOLDER])
canvas.teach(ENGINE)
NODE_FIELDS = {"retry"}
"""Fields that a form writes beside the config: they belong to the node, not to the type."""


def face_of(folder: str) -> presentation.Face:
    name = folder.removeprefix("triggers/")
    return presentation.triggers()[name] if folder.startswith("triggers/") else presentation.steps()[name]


def config_of(folder: str) -> type[msgspec.Struct]:
    name = folder.removeprefix("triggers/")
    return trigger_registry.types()[name].Config if folder.startswith("triggers/") else registry.get(name).Config


def example_of(folder: str) -> dict[str, Any]:
    example: dict[str, Any] = json.loads((FOLDER / folder / "example.json").read_text())
    return example


VOID = {"input", "img", "br", "hr", "path", "circle", "use", "line", "rect"}


class Controls(HTMLParser):
    """Names of the controls of a form, ids, labels, and names of lists and maps."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.unlabelled: list[str] = []
        self.labels: set[str] = set()
        self._rows = 0
        self._open: list[tuple[str, bool]] = []
        self._pending: list[tuple[str, str]] = []
        self.feed(source)
        self.unlabelled = [name for identifier, name in self._pending if identifier not in self.labels]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attributes}
        holder = "data-list" in given or "data-map" in given or tag == "template"
        if self._rows == 0 and (name := given.get("data-list") or given.get("data-map")):
            self.names.add(name)
        if tag == "label":
            self.labels.add(given.get("for", ""))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            inside_label = any(name == "label" for name, _ in self._open)
            if "aria-label" not in given and not inside_label:
                self._pending.append((given.get("id", ""), given.get("name", "")))
            if self._rows == 0 and "name" in given:
                self.names.add(given["name"])
        if tag not in VOID:
            self._open.append((tag, holder))
            self._rows += holder

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag not in VOID:
            name, holder = self._open.pop()
            self._rows -= holder
            if name == tag:
                break


def rendered(folder: str, template: str, data: dict[str, Any]) -> str:
    node = {"id": "step-1", "type": folder.rpartition("/")[2], "name": "", "data": data}
    known = Choices({"template": {}, "connector": {}}, ["contact.created"], ["plan"], ["vip"], [])
    summary = summary_of(node["type"], data) if "/" not in folder else ""
    context = {"node": node, "face": face_of(folder), "choices": known, "summary": summary}
    html: str = ENGINE.get_template(f"{folder}/{template}").render(**context)
    return html


@pytest.mark.parametrize("folder", BOTH)
@pytest.mark.parametrize("file", FILES)
def test_every_type_has_its_whole_face(folder: str, file: str) -> None:
    assert (FOLDER / folder / file).is_file()


def test_every_folder_has_a_type() -> None:
    found = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name not in ("_shared", "triggers")}
    assert found == set(STEPS)
    assert {path.name for path in (FOLDER / "triggers").iterdir()} == set(TRIGGERS)


@pytest.mark.parametrize("name", STEPS)
def test_its_example_is_a_finished_config(name: str) -> None:
    assert registry.problems(registry.get(name), example_of(name)) == []


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_example_of_a_trigger_is_a_finished_config(name: str) -> None:
    assert trigger_registry.problems(trigger_registry.types()[name], example_of(f"triggers/{name}")) == []


@pytest.mark.parametrize("name", STEPS)
def test_a_new_step_can_be_saved(name: str) -> None:
    """It may be unfinished, but nothing about it is wrong."""
    wrong = [
        issue for issue in registry.problems(registry.get(name), presentation.steps()[name].start) if issue.blocks_save
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", BOTH)
def test_form_fields_are_config_fields(folder: str) -> None:
    config = config_of(folder)
    known = {field.encode_name for field in msgspec.structs.fields(config) if not is_left_out(field.type)}
    names = {name.split(".")[0] for name in Controls(rendered(folder, "form.html", example_of(folder))).names}
    assert names - NODE_FIELDS <= known, f"the form asks for what the config does not have: {names - known}"
    assert known <= names | NODE_FIELDS, f"the form cannot change {known - names}"


@pytest.mark.parametrize("folder", BOTH)
def test_every_control_of_the_form_has_a_label(folder: str) -> None:
    assert Controls(rendered(folder, "form.html", example_of(folder))).unlabelled == []


@pytest.mark.parametrize("folder", BOTH)
@pytest.mark.parametrize("stage", ["example", "start"])
def test_its_card_says_something_in_one_line(folder: str, stage: str) -> None:
    html = rendered(folder, "card.html", example_of(folder) if stage == "example" else face_of(folder).start)
    title, summary = (re.search(rf'class="{part}">(.*?)</span>', html, re.DOTALL) for part in ("ti", "su"))
    assert title and title[1].strip(), html
    assert summary and summary[1].strip(), html
    assert "{{" not in html.replace("{{ contact.attributes.first_name }}", ""), "a placeholder was not filled in"


@pytest.mark.parametrize("name", STEPS)
def test_ports_agree(name: str) -> None:
    """Several ways out are told apart by words."""
    kind, face = registry.get(name), presentation.steps()[name]
    assert face.ports == kind.outputs
    if len(kind.outputs) > 1:
        assert all(port.label for port in face.ports)


@pytest.mark.parametrize("folder", BOTH)
def test_its_icon_is_an_outline_in_the_current_colour(folder: str) -> None:
    source = (FOLDER / folder / "icon.svg").read_text()
    assert 'viewBox="0 0 24 24"' in source
    assert "<script" not in source
    assert not re.search(r'(?:fill|stroke)="#', source)


def test_an_unknown_type_is_shown() -> None:
    face = presentation.step("from_a_plugin_that_is_gone")
    assert not face.installed
    assert face.ports


def test_help_is_escaped() -> None:
    html = presentation.markdown("A <b>text</b> with `code & more`\n\n## Head\n- **one**\n- two")
    assert html == (
        "<p>A &lt;b&gt;text&lt;/b&gt; with <code>code &amp; more</code></p><h3>Head</h3><ul><li><b>one</b></li><li>two</li></ul>"
    )


def test_no_folder_is_listed_anywhere() -> None:
    """Adding a type touches no list: the names of types do not appear in the canvas modules."""
    scripts = "\n".join(
        path.read_text() for path in (Path(presentation.__file__).parents[1] / "static" / "canvas").glob("*.js")
    )
    distinctive = [name for name in STEPS if name != "end"]  # an ordinary word, also the end of an edge
    assert not [name for name in distinctive if f"'{name}'" in scripts]
