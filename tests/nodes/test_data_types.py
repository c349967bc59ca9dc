"""Steps that build values and tell of events: their limits, the kinds of their values, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.subject import about_contact
from app.flow import registry
from app.flow.effects import EmitEvent, SetVars
from app.flow.outcomes import Done, Fail
from app.flow.step_types import INSTALLED
from tests.nodes.person import Person, person, run_of


def outcome(type_: str, data: dict[str, Any], step: Person | None = None) -> Any:
    assert registry.diagnostics(registry.get(type_), data) == []
    return run_of(registry.get(type_), data)(step or person())


VALUES = {
    "total": "{{ event.total }}",
    "twice": "{{ event.total | times: 2 }}",
    "first": "{{ event.items[0].name }}",
    "all": "{{ event.items }}",
    "text": "{{ event.total }} for {{ contact.email }}",
    "deep": {"list": ["{{ event.total }}", {"x": "{{ event.none }}"}], "flag": True},
    "inert": "{{ event.evil }}",
}
EVENT = {"total": 12.5, "items": [{"name": "A"}], "evil": "{{ contact.email }}{% if %}"}
BUILT = {
    "total": 12.5,
    "twice": 25,
    "first": "A",
    "all": [{"name": "A"}],
    "text": "12.5 for ada@example.com",
    "deep": {"list": [12.5, {"x": None}], "flag": True},
    "inert": "{{ contact.email }}{% if %}",
}


def test_values_keep_their_kind_and_data_is_never_rendered() -> None:
    """In whatever step values are built: through objects and lists, in one pass."""
    step = person(event=EVENT)
    assert outcome("transform", {"set": VALUES}, step).output == BUILT
    remembered = outcome("set_variable", {"set": VALUES}, step)
    assert (
        remembered.output == BUILT
        and isinstance(remembered.effects[0], SetVars)
        and remembered.effects[0].values == BUILT
    )
    assert outcome("update_contact", {"set": {"all": VALUES}}, step).output["set"] == {"all": BUILT}
    sent = outcome("emit_event", {"name": "x", "properties": VALUES}, step).effects[0]
    assert (
        outcome("emit_event", {"name": "x", "properties": BUILT | {"inert": "{{ event.evil }}"}}, step).effects[0].key()
        == sent.key()
    )


@pytest.mark.parametrize(
    ("expression", "built"),
    [
        ("{'n': event.total * 2, 'big': event.total > 10}", {"n": 25, "big": True}),
        ("{'names': event.items.map(i, i.name + '!'), 'tags': size(contact.tags)}", {"names": ["A!"], "tags": 1}),
        ("has(event.none) ? {'a': 1} : {'b': 2}", {"b": 2}),
        ("{'plan': contact.plan, 'var': vars.x, 'step': steps.one.id}", {"plan": "pro", "var": 3, "step": "s"}),
        ("event", EVENT),
    ],
)
def test_an_expression_builds_an_object(expression: str, built: Any) -> None:
    step = person(EVENT, {"one": {"id": "s"}}, {"x": 3}, {"plan": "pro"}, ["vip"])
    assert outcome("transform", {"expression": expression}, step).output == built


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("event.none", "There is no “none”"),
        ("event.total", "comes to no object"),
        ("[1]", "comes to no object"),
        ("event.items[4]", "no item 4"),
    ],
)
def test_an_expression_that_fails_says_why(expression: str, words: str) -> None:
    failed = outcome("transform", {"expression": expression}, person(event=EVENT))
    assert isinstance(failed, Fail) and failed.permanent and words in failed.error


@pytest.mark.parametrize(
    ("type_", "data", "path", "words", "incomplete"),
    [
        ("transform", {}, "set", "Name at least one value", True),
        ("transform", {"set": {"a": 1}, "expression": "{}"}, "expression", "not by both", False),
        ("transform", {"expression": "{'a': "}, "expression", "At character", True),
        ("transform", {"set": {"a b": 1}}, "set.a b", "Send “a_b”", False),
        ("transform", {"set": {"a": "x" * 70_000}}, "set", "65,536", False),
        ("set_variable", {}, "set", "at least one", True),
        ("set_variable", {"set": {"1": 1}}, "set.1", "Send “n_1”", False),
        ("set_variable", {"set": {f"v{n}": n for n in range(51)}}, "set", "At most 50", False),
        ("set_variable", {"set": {"a": "x\0"}}, "set", "U+0000", False),
        ("emit_event", {}, "name", "Write the name", True),
        ("emit_event", {"name": "x" * 201}, "name", "1 to 200", False),
        ("emit_event", {"name": "contact.unsubscribed"}, "name", "decision", False),
        ("emit_event", {"name": "a", "properties": {"p": "x" * 33_000}}, "properties", "32,768", False),
        (
            "emit_event",
            {"name": "a", "properties": {str(n): n for n in range(101)}},
            "properties",
            "At most 100",
            False,
        ),
        ("emit_event", {"name": "a", "contact": "all"}, "contact", "all", False),
    ],
)
def test_bad_configurations(type_: str, data: dict[str, Any], path: str, words: str, incomplete: bool) -> None:
    found = registry.diagnostics(registry.get(type_), data)
    assert [(one.path, one.blocks_save) for one in found] == [(path, not incomplete)]
    assert words in found[0].message


def test_what_grows_too_large_at_run_time_fails_in_words() -> None:
    large = person(event={"x": "x" * 40_000})
    for type_, data in (
        ("transform", {"set": {"a": "{{ event.x }}", "b": "{{ event.x }}"}}),
        ("set_variable", {"set": {"a": "{{ event.x }}", "b": "{{ event.x }}"}}),
        ("emit_event", {"name": "a", "properties": {"x": "{{ event.x }}"}}),
    ):
        failed = outcome(type_, data, large)
        assert (
            isinstance(failed, Fail) and failed.permanent and "bytes of JSON" in failed.error and failed.effects == ()
        )


def test_an_event_of_nobody_needs_no_contact() -> None:
    for contact, needed in (("this", True), ("none", False)):
        data = {"name": "a", "contact": contact}
        assert INSTALLED.needs_contact("emit_event", data) is needed
        done = outcome("emit_event", data)
        assert isinstance(done, Done) and isinstance(done.effects[0], EmitEvent)
        assert about_contact(done) is needed and done.effects[0].of_contact is needed
    assert INSTALLED.needs_contact("emit_event", {"contact": 1}), "what cannot be read is as the type says"


def test_what_is_the_same_for_everybody_is_made_once() -> None:
    for type_, data in (
        ("transform", {"set": {"a": 1}}),
        ("set_variable", {"set": {"a": 1}}),
        ("emit_event", {"name": "a"}),
    ):
        run = run_of(registry.get(type_), data)
        assert run(person()) is run(person(event={"x": 1}))
