"""The node types of the product: their forms, their limits, and what they decide about one person."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib import liquid
from app.lib.liquid import LiquidError
from app.nodes import registry
from app.nodes.base import AddTag, Done, Fail, Increment, Message, NodeType, Outcome, RemoveTag, SetFields, Wait
from app.nodes.scope import Scope
from tests.nodes.person import person


def compiled(type_: str, data: dict[str, Any]) -> Any:
    kind = registry.get(type_)
    assert registry.problems(kind, data) == []
    made: Any = kind.compile(registry.config_of(kind, data), Scope())
    return (lambda step: made) if isinstance(made, Outcome) else made


def outcome(type_: str, data: dict[str, Any], step: Any = None) -> Any:
    return compiled(type_, data)(step or person())


def test_the_types_of_this_version_are_found_with_their_ports() -> None:
    found = {name: registry.ports(kind) for name, kind in registry.types().items()}
    assert found == {
        "send_email": ("next", "error"),
        "delay": ("next", "error"),
        "condition": ("true", "false", "error"),
        "update_contact": ("next", "error"),
        "add_tag": ("next", "error"),
        "remove_tag": ("next", "error"),
        "end": (),
    }


def test_each_type_has_a_form_that_a_program_can_draw() -> None:
    for kind in registry.types().values():
        schema = msgspec.json.schema(kind.Config)
        form = schema["$defs"][schema["$ref"].rpartition("/")[2]]
        assert form["type"] == "object" and form["additionalProperties"] is False
        assert kind.label and kind.description.endswith(".") and kind.category in registry.CATEGORIES


def test_two_types_of_one_name_are_refused() -> None:
    class Second(NodeType):
        type, label, category, description = "delay", "Second", "logic", "Again."

    with pytest.raises(ValueError, match="delay"):
        registry.node(Second)
    assert registry.get("delay") is not Second


@pytest.mark.parametrize(
    ("type_", "data", "path", "words", "incomplete"),
    [
        ("delay", {"duration": 366, "unit": "days"}, "duration", "365 days", False),
        ("delay", {"duration": 53, "unit": "weeks"}, "duration", "365 days", False),
        ("delay", {"duration": 0}, "duration", "above 0", False),
        ("delay", {"duration": -1}, "duration", "above 0", False),
        ("delay", {"duration": "2"}, "duration", "float", False),
        ("delay", {"duration": 2, "unit": "years"}, "unit", "years", False),
        ("delay", {"durration": 2}, "", "durration", False),
        ("add_tag", {"tag": " "}, "tag", "Write the tag", True),
        ("remove_tag", {"tag": "x" * 101}, "tag", "100", False),
        ("send_email", {}, "templateId", "Choose a template", True),
        ("send_email", {"templateId": str(UUID(int=1)), "fromEmail": "nobody"}, "fromEmail", "e-mail address", False),
        ("send_email", {"templateId": str(UUID(int=1)), "replyTo": "a@b, c@d"}, "replyTo", "e-mail address", False),
        ("condition", {}, "conditions", "at least one", True),
        ("update_contact", {}, "set", "at least one", True),
        ("update_contact", {"set": {"email": "a@b"}}, "set.email", "cannot be changed", False),
        ("update_contact", {"set": {"a.b": 1}}, "set.a.b", "plain name", False),
        ("update_contact", {"set": {str(n): n for n in range(51)}}, "set", "50", False),
    ],
)
def test_bad_configurations_name_the_field_and_the_mend(
    type_: str, data: dict[str, Any], path: str, words: str, incomplete: bool
) -> None:
    found = registry.problems(registry.get(type_), data)
    assert [(one.path, one.incomplete) for one in found] == [(path, incomplete)]
    assert words in found[0].message


def test_a_delay_that_is_no_number_is_refused() -> None:
    for odd in (float("nan"), float("inf")):
        assert registry.problems(registry.get("delay"), {"duration": odd})


def test_delay_waits_in_seconds_up_to_a_year() -> None:
    wait = outcome("delay", {"duration": 1.5, "unit": "days"})
    assert isinstance(wait, Wait) and wait.seconds == 129_600
    assert outcome("delay", {"duration": 365, "unit": "days"}).seconds == 365 * 86_400


def test_condition_says_what_it_found_and_makes_each_outcome_once() -> None:
    run = compiled("condition", {"conditions": [{"field": "source", "operator": "equals", "value": "web"}]})
    yes = run(person(source="web"))
    found = {"field": "source", "operator": "equals", "wanted": "web", "actual": "web", "held": True}
    assert (yes.port, yes.output) == ("true", {"branch": "true", "rules": [found]})
    assert run(person(source="web")) is yes
    for actual in (None, 1, True, 1.0, ["a"], "other"):
        other = run(person(event={"source": actual}))
        assert (other.port, other.output["rules"][0]["actual"]) == ("false", actual)
        assert other.output["rules"][0]["actual"].__class__ is actual.__class__


def test_a_condition_that_cannot_be_answered_fails_for_good() -> None:
    data = {"conditions": [{"field": "contact.age", "operator": "greater_than", "value": 3}]}
    failed = outcome("condition", data, person(attributes={"age": "old"}))
    assert isinstance(failed, Fail) and failed.permanent and failed.error == "age is “old”, which is not a number."


def test_send_email_asks_for_one_message_with_only_what_was_filled_in() -> None:
    template = uuid4()
    run = compiled("send_email", {"templateId": str(template), "fromName": "Ada", "topic": "news"})
    done = run(person())
    assert isinstance(done, Done) and isinstance(done.effects[0], Message)
    assert (done.effects[0].template, done.effects[0].payload) == (template.bytes, {"fromName": "Ada", "topic": "news"})
    assert run(person()) is done


def test_tags() -> None:
    added, removed = outcome("add_tag", {"tag": " vip "}), outcome("remove_tag", {"tag": "vip"})
    assert isinstance(added.effects[0], AddTag) and added.output == {"tag": "vip"}
    assert isinstance(removed.effects[0], RemoveTag)
    tags = ["a", "vip"]
    for effect in (*added.effects, *removed.effects, *removed.effects):
        effect.change({}, {}, tags)
    assert tags == ["a"]
    assert outcome("add_tag", {"tag": "from-{{ event.city }}"}, person(event={"city": "Ulm"})).output == {
        "tag": "from-Ulm"
    }
    assert outcome("add_tag", {"tag": "{{ event.city }}"}).effects == ()


def test_update_contact_keeps_types_fills_texts_and_shares_constants() -> None:
    run = compiled("update_contact", {"set": {"plan": "pro", "attributes.seats": 3, "locale": "de"}})
    done = run(person())
    assert run(person()) is done
    assert (done.effects[0].attributes, done.effects[0].columns) == ({"plan": "pro", "seats": 3}, {"locale": "de"})
    texts = {
        "last": "{{ event.total }}",
        "hi": "Hi {{ contact.first_name }}!",
        "up": "{{ contact.email | upcase }}",
        "list": ["{{ event.total }}", 1],
    }
    step = person(event={"total": 12.5}, attributes={"first_name": "Ada"})
    assert outcome("update_contact", {"set": texts}, step).output == {
        "set": {"last": 12.5, "hi": "Hi Ada!", "up": "ADA@EXAMPLE.COM", "list": [12.5, 1]}
    }


def test_counting_up_keeps_whole_numbers_whole() -> None:
    done = outcome("update_contact", {"set": {"a": 1}, "increment": {"n": 2.0, "half": 0.5}})
    assert done.output == {"set": {"a": 1}, "increment": {"n": 2, "half": 0.5}}
    assert [type(effect) for effect in done.effects] == [SetFields, Increment, Increment]
    attributes: dict[str, Any] = {"n": 4}
    for effect in done.effects:
        effect.change({}, attributes, [])
    assert attributes == {"n": 6, "half": 0.5, "a": 1}


values = st.text(alphabet="ab{}% .<é") | st.integers() | st.booleans() | st.none()


@given(values, values, st.text(alphabet="ab <>%'\"é", max_size=5))
def test_the_quick_way_for_texts_writes_what_liquid_writes(first: Any, second: Any, between: str) -> None:
    source = f"{between}{{{{ contact.a }}}}{between}{{{{contact.attributes.b}}}}"
    step = person(attributes={"a": first, "b": second})
    assert Scope().text(source)(step) == liquid.compile_text(source, html=False).render(step.data)


@given(st.text(alphabet="{}% -abcontact.vars|_1\n", max_size=40))
def test_any_text_compiles_and_fills_or_says_what_is_wrong(source: str) -> None:
    with contextlib.suppress(LiquidError):
        assert isinstance(Scope().text(source)(person()), str)
