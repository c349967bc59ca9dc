"""The node types of the product: their forms, their limits, and what they decide about one person."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import registry
from app.flow.effects import AddTag, Increment, RemoveTag, SendMessage, SetFields
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Fail, Wait
from app.flow.scope import CompileScope
from app.liquid import templates as liquid
from app.liquid.templates import LiquidError
from tests.nodes.person import person, run_of


def compiled(type_: str, data: dict[str, Any]) -> Any:
    kind = registry.get(type_)
    assert registry.diagnostics(kind, data) == []
    return run_of(kind, data)


def outcome(type_: str, data: dict[str, Any], step: Any = None) -> Any:
    return compiled(type_, data)(step or person())


def test_the_types_of_this_version_are_found_with_their_ports() -> None:
    found = {name: [port.id for port in registry.ports(kind)] for name, kind in registry.types().items()}
    assert found["delay"] == ["next", "error"]
    assert found["condition"] == ["true", "false", "error"]
    assert found["end"] == []


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
        ("delay", {"duration": "2"}, "duration", "Send a number, not text.", False),
        ("delay", {"duration": 2, "unit": "years"}, "unit", "years", False),
        ("delay", {"durration": 2}, "durration", "Did you mean `duration`?", False),
        ("add_tag", {"tag": " "}, "tag", "Write the tag", True),
        ("remove_tag", {"tag": "x" * 101}, "tag", "100", False),
        ("send_email", {}, "templateId", "Choose a template", True),
        ("send_email", {"templateId": str(UUID(int=1)), "fromEmail": "nobody"}, "fromEmail", "e-mail address", False),
        (
            "send_email",
            {"templateId": str(UUID(int=1)), "fromName": "X\r\nBcc: a@b.example"},
            "fromName",
            "one line",
            False,
        ),
        (
            "send_email",
            {"templateId": str(UUID(int=1)), "subject": "Hi\x85Bcc: a@b.example"},
            "subject",
            "one line",
            False,
        ),
        ("send_email", {"templateId": str(UUID(int=1)), "replyTo": "a@b, c@d"}, "replyTo", "e-mail address", False),
        ("condition", {}, "conditions", "at least one", True),
        ("update_contact", {}, "set", "at least one", True),
        ("update_contact", {"set": {"email": "a@b"}}, "set.email", "cannot be changed", False),
        ("update_contact", {"set": {"a.b": 1}}, "set.a.b", "Send “a_b”", False),
        ("update_contact", {"increment": {"Visit Count": 1}}, "increment.Visit Count", "Send “visit_count”", False),
        ("update_contact", {"increment": {"phone": 1}}, "increment.phone", "no number", False),
        ("update_contact", {"set": {"phone": "4.91511E+12"}}, "set.phone", "spreadsheet", False),
        ("update_contact", {"set": {"timezone": "Mars"}}, "set.timezone", "no time zone", False),
        ("update_contact", {"set": {"locale": {"a": 1}}}, "set.locale", "not an object", False),
        ("update_contact", {"set": {"source": "x" * 201}}, "set.source", "at most 200", False),
        ("update_contact", {"set": {"plan": "x" * 40_000}}, "set.plan", "32,768", False),
        ("add_tag", {"tag": "a\0"}, "tag", "cannot be stored", False),
        ("update_contact", {"set": {str(n): n for n in range(51)}}, "set", "50", False),
    ],
)
def test_bad_configurations_name_the_field_and_the_mend(
    type_: str, data: dict[str, Any], path: str, words: str, incomplete: bool
) -> None:
    found = registry.diagnostics(registry.get(type_), data)
    assert [(one.path, one.blocks_save) for one in found] == [(path, not incomplete)]
    assert words in found[0].message


def test_a_delay_that_is_no_number_is_refused() -> None:
    for odd in (float("nan"), float("inf")):
        assert registry.diagnostics(registry.get("delay"), {"duration": odd})


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
    assert isinstance(done, Done) and isinstance(done.effects[0], SendMessage)
    assert (done.effects[0].template, done.effects[0].payload) == (template.bytes, {"fromName": "Ada", "topic": "news"})
    assert run(person()) is done


def test_tags() -> None:
    has, has_not = person(tags=["a", "vip"]), person(tags=["a"])
    added, removed = outcome("add_tag", {"tag": " vip "}, has_not), outcome("remove_tag", {"tag": "vip"}, has)
    assert isinstance(added.effects[0], AddTag) and added.output == {"tag": "vip", "changed": True}
    assert isinstance(removed.effects[0], RemoveTag) and removed.output == {"tag": "vip", "changed": True}
    for type_, step in (("add_tag", has), ("remove_tag", has_not)):
        idle = outcome(type_, {"tag": "{{ event.tag }}"}, person(tags=step.contact.tags, event={"tag": "vip"}))
        assert idle.key() == outcome(type_, {"tag": "vip"}, step).key()
        assert (idle.effects, idle.output) == ((), {"tag": "vip", "changed": False})
    tags = ["a", "vip"]
    for effect in (*added.effects, *removed.effects, *removed.effects):
        effect.change({}, {}, tags)
    assert tags == ["a"]
    assert outcome("add_tag", {"tag": "from-{{ event.city }}"}, person(event={"city": "Ulm"})).output == {
        "tag": "from-Ulm",
        "changed": True,
    }
    for type_ in ("add_tag", "remove_tag"):
        empty = outcome(type_, {"tag": "{{ event.city }}"})
        assert isinstance(empty, Fail) and empty.permanent and "came out empty" in empty.error
        long = outcome(type_, {"tag": "{{ event.city }}"}, person(event={"city": "x" * 101}))
        assert isinstance(long, Fail) and long.error == "A tag has 1 to 100 characters."
    full = person(tags=[str(number) for number in range(100)])
    assert isinstance(outcome("add_tag", {"tag": "one more"}, full), Fail)
    assert isinstance(outcome("add_tag", {"tag": "99"}, full), Done)
    assert isinstance(outcome("remove_tag", {"tag": "99"}, full), Done)


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


def test_what_does_not_fit_its_field_fails_in_words_and_changes_nothing() -> None:
    for data, event, told in (
        ({"set": {"phone": "{{ event.x }}"}}, "0151", "The phone number was not changed. Write the number with +"),
        ({"set": {"timezone": "{{ event.x }}"}}, "Mars", "The time zone was not changed. There is no time zone"),
        ({"set": {"locale": "{{ event.x }}"}}, {"a": 1}, "The language was not changed. A language is text, not an object"),
        ({"set": {"locale": "{{ event.x }}"}}, True, "The language was not changed. A language is text, not true or false"),
        ({"set": {"source": "{{ event.x }}"}}, "x" * 5_000, "The source was not changed. A source has at most 200"),
        ({"set": {"plan": "{{ event.x }}"}}, "a\0b", "The attribute plan was not changed. A text here holds"),
        ({"set": {"ok": 1, "plan": "{{ event.x }}"}}, "x" * 32_769, "The attribute plan was not changed. This is 32,771 bytes"),
        ({"set": {"a": "{{ event.x }}", "b": "{{ event.x }}"}}, "x" * 20_000, "Nothing was changed. All attributes together"),
    ):  # fmt: skip
        failed = outcome("update_contact", data, person(event={"x": event}))
        assert isinstance(failed, Fail) and failed.permanent and failed.effects == ()
        assert failed.error.startswith(told), failed.error


def test_fields_are_written_in_the_form_in_which_they_are_stored() -> None:
    given = {"phone": "{{ event.p }}", "timezone": "CST", "locale": "Deutsch", "source": "{{ event.n }}", "gone": None}
    step = person(event={"p": "(415) 555-2671", "n": 7})
    step.country = "US"
    done = outcome("update_contact", {"set": given}, step)
    stored = {"phone": "+14155552671", "timezone": "America/Chicago", "locale": "de", "source": "7", "gone": None}
    assert done.output == {"set": stored}
    columns, attributes = {"phone": "+49"}, {"gone": 1, "stays": 2}
    for effect in done.effects:
        effect.change(columns, attributes, [])
    assert columns == {name: stored[name] for name in columns} and attributes == {"stays": 2}
    emptied = outcome("update_contact", {"set": {"phone": "{{ event.p }}"}}, person(event={"p": " "}))
    assert emptied.output == {"set": {"phone": None}}


def test_a_contact_that_is_too_large_already_may_become_smaller() -> None:
    large = person(attributes={"a": "x" * 40_000}, event={"less": "y", "more": "z" * 50_000})
    assert isinstance(outcome("update_contact", {"set": {"a": "{{ event.less }}"}}, large), Done)
    assert isinstance(outcome("update_contact", {"set": {"a": "{{ event.more }}"}}, large), Fail)
    assert isinstance(outcome("update_contact", {"set": {"b": 1}}, large), Fail)
    assert isinstance(outcome("update_contact", {"set": {"phone": "+4915112345678"}}, large), Done)


@pytest.mark.parametrize(
    ("before", "by", "after"),
    [
        (None, 2, 2),
        ("7", 1, 8),
        (" 12.5 ", 1, 13.5),
        ("-3", 1.5, -1.5),
        ("1e3", 1, 1001),
        (0.1, 0.2, 0.3),
        (4, 4, 8),
        (4.0, 1, 5.0),
        (2**70, 1, 2**70 + 1),
    ],
)
def test_numbers_and_texts_that_are_numbers_count_on(before: Any, by: float, after: float) -> None:
    attributes = {"n": before}
    for effect in outcome("update_contact", {"increment": {"n": by}}, person(attributes=dict(attributes))).effects:
        effect.change({}, attributes, [])
    assert attributes == {"n": after}


@pytest.mark.parametrize("before", [[1], True, False, "x", "", " ", {}, {"a": 1}, "1,5", "seven", "0x10", 1.7e308])
def test_what_is_no_number_cannot_be_counted_on(before: Any) -> None:
    failed = outcome("update_contact", {"set": {"ok": 1}, "increment": {"n": 1e308}}, person(attributes={"n": before}))
    assert isinstance(failed, Fail) and failed.permanent and failed.effects == ()
    assert failed.error.startswith("The attribute n was not changed. Nothing can be added to it")


values = st.text(alphabet="ab{}% .<é") | st.integers() | st.booleans() | st.none()


@given(values, values, st.text(alphabet="ab <>%'\"é", max_size=5))
def test_the_quick_way_for_texts_writes_what_liquid_writes(first: Any, second: Any, between: str) -> None:
    source = f"{between}{{{{ contact.a }}}}{between}{{{{contact.attributes.b}}}}"
    step = person(attributes={"a": first, "b": second})
    assert CompileScope().text(source)(step) == liquid.compile_text(source, html=False).render(step.data)


@given(st.text(alphabet="{}% -abcontact.vars|_1\n", max_size=40))
def test_any_text_compiles_and_fills_or_says_what_is_wrong(source: str) -> None:
    with contextlib.suppress(LiquidError):
        assert isinstance(CompileScope().text(source)(person()), str)


def test_templates_reach_names_that_paths_do_not() -> None:
    texts = {"order": '{{ event["Order No."] }}', "old": '{{ contact.attributes["First Name"] }}'}
    step = person(event={"Order No.": "K-7"}, attributes={"First Name": "Ada"})
    assert outcome("update_contact", {"set": texts}, step).output == {"set": {"order": "K-7", "old": "Ada"}}
