"""Every step and trigger type is complete: a class, a folder, a form whose fields are fields of its config, a valid example.

A new type is covered by being there. A folder without a type fails too: nobody could ever see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from app.builder import canvas
from app.builder.type_check import NODE_FIELDS, config_fields, example_of, fault_of, rendered
from app.card_title_repository import REFERENCED
from app.counters import message_counters as counters
from app.engine.compiled import NODE_ENDS, CompiledFlow
from app.engine.compiled_node import NotUnderstood
from app.engine.matcher import waiting_types
from app.engine.subject import about_contact
from app.flow import discovery, presentation, registry, trigger_registry
from app.flow.declared import NodeScope
from app.flow.document import Flow, Trigger
from app.flow.node_type import RESERVED_PORTS
from app.flow.outcomes import DecidesAgain, Fail
from app.flow.references import marked_fields, references_in
from app.flow.retry import Retry
from app.lib import translation
from app.messaging.channels import registry as channel_registry
from app.web.form_controls import FormControls
from app.web.fragments import FragmentEngine
from tests.nodes.person import Person, person, run_of

ROOT = Path(__file__).resolve().parents[2]
STEPS = list(registry.types())
TRIGGERS = list(trigger_registry.types())
BOTH = [*STEPS, *(f"triggers/{name}" for name in TRIGGERS)]
ENGINE = FragmentEngine(directory=[ROOT / "app" / "templates", discovery.PRODUCT_FRONTEND])
canvas.teach(ENGINE)


def look_of(folder: str) -> presentation.Presentation:
    name = folder.removeprefix("triggers/")
    return presentation.triggers()[name] if folder.startswith("triggers/") else presentation.steps()[name]


def config_of(folder: str) -> type[msgspec.Struct]:
    if folder.startswith("triggers/"):
        kind = trigger_registry.find(folder.removeprefix("triggers/"))
        assert kind is not None
        return kind.Config
    return registry.get(folder).Config


def example(folder: str) -> dict[str, Any]:
    return example_of(look_of(folder))


def test_every_type_is_installed() -> None:
    """Its module loads and its folder has every file of `presentation.FILES`."""
    assert presentation.refusals() == {}
    assert set(presentation.steps()) == set(STEPS) and set(presentation.triggers()) == set(TRIGGERS)


def test_every_folder_has_a_type() -> None:
    folders = [path for path in discovery.PRODUCT_FRONTEND.iterdir() if path.is_dir()]
    assert {path.name for path in folders if path.name not in ("_shared", "triggers", "channels", "services")} == set(
        STEPS
    )
    assert {path.name for path in (discovery.PRODUCT_FRONTEND / "triggers").iterdir()} == set(TRIGGERS)
    assert {path.name for path in (discovery.PRODUCT_FRONTEND / "channels").iterdir()} <= set(channel_registry.words())
    known = {
        *presentation.FILES,
        "form.js",
        "presets",
        "tools.html",
        *(f"help.{one}.md" for one in translation.LANGUAGES),
    }
    odd = [path for folder in BOTH for path in presentation.folder_on_disk(folder).iterdir() if path.name not in known]
    assert not odd, "files that nobody reads"


@pytest.mark.parametrize("folder", BOTH)
def test_its_templates_work(folder: str) -> None:
    assert fault_of(ENGINE, look_of(folder), config_of(folder)) == ""


@pytest.mark.parametrize("name", STEPS)
def test_its_example_is_a_finished_config(name: str) -> None:
    assert registry.diagnostics(registry.get(name), example(name)) == []


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_example_of_a_trigger_is_valid(name: str) -> None:
    msgspec.convert(example(f"triggers/{name}"), config_of(f"triggers/{name}"))


@pytest.mark.parametrize("folder", BOTH)
def test_each_preset_is_a_config_that_is_known_again(folder: str) -> None:
    look = look_of(folder)
    for preset in look.presets:
        config = msgspec.convert({**(look.defaults or {}), **preset.data}, config_of(folder))
        assert set(preset.known_by) <= set(preset.data) and preset.label and preset.text
        assert look.preset_of(msgspec.to_builtins(config)) == preset


@pytest.mark.parametrize("name", STEPS)
def test_a_new_step_can_be_saved(name: str) -> None:
    """It may be unfinished, but nothing about it is wrong."""
    diagnostics = registry.diagnostics(registry.get(name), presentation.steps()[name].defaults)
    assert [diagnostic for diagnostic in diagnostics if diagnostic.blocks_save] == []


@pytest.mark.parametrize("folder", BOTH)
def test_its_form_can_change_all_of_its_config(folder: str) -> None:
    names = {
        name.split(".")[0]
        for name in FormControls(rendered(ENGINE, look_of(folder), "form.html", example(folder))).names
    }
    assert config_fields(config_of(folder)) <= names | NODE_FIELDS


def hollow(value: Any) -> Any:
    """The same with nothing in its objects below the first level, as documents of programs may be."""
    return {name: {} if isinstance(one, dict) else one for name, one in value.items()}


@pytest.mark.parametrize("folder", BOTH)
@pytest.mark.parametrize(
    "data_of", [example, lambda folder: hollow(example(folder)), lambda folder: {}], ids=["full", "hollow", "empty"]
)
def test_its_form_and_card_show_no_objects_of_the_program(folder: str, data_of: Callable[[str], Any]) -> None:
    """A field that is called as a method of objects (`items`) is read as that method where it is left out."""
    for template in ("form.html", "card.html"):
        html = rendered(ENGINE, look_of(folder), template, data_of(folder))
        assert "object at 0x" not in html


@pytest.mark.parametrize("folder", BOTH)
def test_every_control_of_the_form_has_a_label(folder: str) -> None:
    assert FormControls(rendered(ENGINE, look_of(folder), "form.html", example(folder))).unlabelled == []


@pytest.mark.parametrize("folder", BOTH)
@pytest.mark.parametrize("stage", ["example", "defaults"])
def test_its_card_says_something_in_one_line(folder: str, stage: str) -> None:
    data = example(folder) if stage == "example" else look_of(folder).defaults
    html = rendered(ENGINE, look_of(folder), "card.html", data)
    title, summary = (re.search(rf'class="{part}"[^>]*>(.*?)</span>', html, re.DOTALL) for part in ("ti", "su"))
    assert title and title[1].strip(), html
    assert summary and summary[1].strip(), html
    assert "{{" not in html.replace("{{ contact.attributes.first_name }}", ""), "a placeholder was not filled in"


@pytest.mark.parametrize("folder", BOTH)
def test_its_icon_is_an_outline_in_the_current_colour(folder: str) -> None:
    source = (presentation.folder_on_disk(folder) / "icon.svg").read_text()
    assert 'viewBox="0 0 24 24"' in source
    assert "<script" not in source
    assert not re.search(r'(?:fill|stroke)="#', source)


# What a type says of itself ---------------------------------------------------------------------------------------


def someone() -> Person:
    """A contact with what the examples ask for."""
    return person(attributes={"plan": "pro", "visits": 3, "renewal": "2026-09-01"}, tags=["vip"], event={"amount": 3})


class Taken(NamedTuple):
    """A step that was taken."""

    output: dict[str, Any] | None
    port: str | None
    started_at: datetime | None
    completed_at: datetime | None


@pytest.mark.parametrize("name", STEPS)
def test_it_says_what_others_ask(name: str) -> None:
    kind = registry.get(name)
    schema = msgspec.json.schema(kind.Config)
    form = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert form["type"] == "object" and form["additionalProperties"] is False
    assert kind.label and kind.description.endswith(".") and kind.category in registry.CATEGORIES
    assert kind.sends is None or (
        channel_registry.known(kind.sends) and kind.needs_contact and kind.category == "message"
    )
    assert isinstance(kind.default_retry, Retry) and kind.default_retry.attempts >= 1


@pytest.mark.parametrize("name", STEPS)
def test_its_summary_is_one_line_in_words(name: str) -> None:
    kind = registry.get(name)
    full, empty = (
        kind.summary(registry.config_of(kind, data)) for data in (example(name), presentation.steps()[name].defaults)
    )
    for text in (full, empty):
        assert "\n" not in text and text == text.strip() and not re.search(r"None|\[\]|\{'|<", text), text
    assert full or not config_fields(kind.Config), "an example has something to tell"


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("readable", [True, False])
def test_its_explanation_is_a_sentence(name: str, readable: bool) -> None:
    """Of a step that is under way, and of one that is over by each of its ways; also when the stored config is no longer understood."""
    kind = registry.get(name)
    config = registry.config_of(kind, example(name)) if readable else None
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    ways = kind.ports(config) if readable else kind.outputs
    told = [kind.explain(config, Taken(None, None, now, None))]
    told += [kind.explain(config, Taken({}, port.id, now, now + timedelta(days=1))) for port in ways]
    for text in told:
        assert re.fullmatch(r"[A-Z].*\.", text), text
    assert len(set(told[1:])) == len(ways) if len(ways) > 1 else True, "ways out are told apart"


@pytest.mark.parametrize("name", STEPS)
def test_its_ways_out_are_told_apart_by_words(name: str) -> None:
    kind = registry.get(name)
    for data in (None, example(name)):
        ports = [port for port in registry.ports(kind, data) if port.id != "error"]
        assert len({port.id for port in ports}) == len(ports)
        assert len(ports) < 2 or len({port.label for port in ports if port.label}) == len(ports)
    assert presentation.steps()[name].ports == kind.outputs


@pytest.mark.parametrize("name", TRIGGERS)
def test_what_a_trigger_says_of_itself(name: str) -> None:
    """What starts the workflow, what activating would do, how a run began: of its example, of a new one, and switched off."""
    kind, look = trigger_registry.types()[name], presentation.triggers()[name]
    for data in (example_of(look), look.defaults):
        config = msgspec.convert(data, kind.Config)
        shown = kind.preview(config)
        lines = (kind.title(config), kind.summary(config), shown.title, shown.text, kind.explain(config, {}))
        for text in lines:
            assert text and "\n" not in text and text == text.strip() and not re.search(r"None|\[\]|\{'|<", text), text
        assert shown.text.endswith("."), "the sentence that the title of the preview begins"
        assert kind.explain(config, {}).endswith("."), "a sentence, which may begin with the name of an event"
        told = trigger_registry.summary([Trigger(type=name, data=data)])
        assert told == kind.summary(config)
        assert told != trigger_registry.summary([Trigger(type=name, data=data, enabled=False)])


def test_no_way_out_may_have_the_name_of_a_counter() -> None:
    assert {*NODE_ENDS, "error", "waiting"} <= RESERVED_PORTS and "." in counters.QUEUED


@pytest.mark.parametrize("name", STEPS)
def test_its_references_are_marked_and_known(name: str) -> None:
    """Every field that takes an id says of what, the example names one of each, and there is a table of that kind."""
    kind = registry.get(name)
    fields = marked_fields(kind.Config)
    assert {field.kind for field in fields} <= set(REFERENCED)
    schema = str(msgspec.json.schema(kind.Config))
    assert schema.count("'format': 'uuid'") == len(fields), "an id that is not marked with Ref"
    shown = {reference.path for reference in references_in(kind.Config, example(name))}
    assert shown <= {".".join(field.names) for field in fields}


@pytest.mark.parametrize("name", STEPS)
def test_what_it_needs_of_a_contact_it_says(name: str) -> None:
    """A step that changes the contact, writes to them or waits for what happens to them means nothing without one."""
    kind = registry.get(name)
    compiled = kind.compile(registry.config_of(kind, example(name)), NodeScope())
    listens = name in waiting_types() and not isinstance(compiled, DecidesAgain)  # that one waits for a time
    if about_contact(run_of(kind, example(name))(someone())) or listens:
        assert kind.needs_contact


@pytest.mark.parametrize("name", TRIGGERS)
def test_runs_of_nobody_are_asked_for_one_by_one(name: str) -> None:
    """An event happens to a contact: a trigger that listens for one starts no run without."""
    kind, look = trigger_registry.types()[name], presentation.triggers()[name]
    for data in (
        example_of(look),
        look.defaults,
        *({**look.defaults, "contact": rule} for rule in ("optional", "none")),
    ):
        if (
            not trigger_registry.diagnostics(kind, data)
            and kind.contact_rule(msgspec.convert(data, kind.Config)).lets_nobody_in
        ):
            config = msgspec.convert(data, kind.Config)
            assert (kind.by_hand or kind.timetable(config) or kind.reception(config)) and not kind.subscribes(config)


@pytest.mark.parametrize("name", STEPS)
def test_it_reads_only_what_it_declares(name: str) -> None:
    """The person of the tests, like that of the engine, raises for every other read."""
    kind = registry.get(name)
    scope = NodeScope()
    kind.compile(registry.config_of(kind, example(name)), scope)
    assert all(re.match(r"(contact|steps|event|vars)\.", path) for path in scope.reads), scope.reads
    outcome = run_of(kind, example(name))(someone())
    assert not (isinstance(outcome, Fail) and outcome.permanent), "its example works for a contact who has everything"


@pytest.mark.parametrize("name", STEPS)
def test_a_hundred_equal_people_go_one_way(name: str) -> None:
    """What does the same for everybody costs the engine once: outcomes of equal people are equal by value."""
    kind = registry.get(name)
    run = run_of(kind, example(name))
    assert len({run(someone()).key() for _ in range(100)}) == 1


@pytest.mark.parametrize("name", STEPS)
def test_it_compiles_in_a_version(name: str) -> None:
    nodes = [{"id": "a", "type": name, "data": example(name)}]
    document = Flow.load(
        {"trigger": {"type": "manual"}, "nodes": nodes, "edges": [{"source": "trigger", "target": "a"}]}
    )
    compiled = CompiledFlow(bytes(16), 1, 1, document)
    ports = {port.id for port in registry.ports(registry.get(name), example(name))}
    assert ports <= set(compiled.nodes["a"].ports)
    assert not isinstance(compiled.nodes["a"].run(someone()), NotUnderstood)


def test_an_unknown_type_is_shown() -> None:
    look = presentation.step("from_a_plugin_that_is_gone")
    assert not look.installed
    assert look.ports


def test_help_is_escaped() -> None:
    html = presentation.markdown("A <b>text</b> with `code & more`\n\n## Head\n- **one**\n- [two](javascript:alert)")
    assert "<p>A &lt;b&gt;text&lt;/b&gt; with <code>code &amp; more</code></p>" in html
    assert "<h3>Head</h3>" in html and "<li><strong>one</strong></li>" in html and "<a" not in html


# Nobody else knows a type by its name -----------------------------------------------------------------------------

NAMED_FOR_GOOD = {"app/demo", "app/nodes", "app/triggers/types", "app/builder/starter_templates.py"}
"""Where names of types may stand: the types themselves, and documents that are written down."""
ORDINARY = {("retry.py", "delay")}
"""How long a retry waits is called so in the document."""
WORDS = {"end", "event", "goal", "hold", "manual", "split", "switch"}
"""Names of types that are ordinary words of programs as well."""


def test_no_type_is_known_by_its_name() -> None:
    """Adding or taking away a type touches nothing else: Python, SQL, templates and JavaScript ask the type."""
    sources = [path for suffix in ("py", "html", "js") for path in (ROOT / "app").rglob(f"*.{suffix}")]
    sources += [*discovery.PRODUCT_FRONTEND.rglob("*.html")]
    literal = re.compile(
        "|".join(rf"""["']{re.escape(name)}["']""" for name in STEPS if name not in WORDS) + r"""|["']send_["']"""
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in sources
        if "vendor" not in path.parts
        and not any(str(path.relative_to(ROOT)).startswith(place) for place in NAMED_FOR_GOOD)
        for match in literal.finditer(path.read_text())
        if (path.name, match[0].strip("'\"")) not in ORDINARY
    ]
    assert not found
