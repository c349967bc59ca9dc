"""What `update_contact` adds to lists, removes, and counts up by amounts that differ from person to person."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow import registry
from app.flow.effects import Increment, SetFields
from app.flow.outcomes import Done, Fail
from app.flow.placeholders import in_words
from tests.nodes.person import Person, person, run_of

KIND = registry.get("update_contact")


def outcome(data: dict[str, Any], step: Person | None = None) -> Any:
    assert registry.diagnostics(KIND, data) == []
    return run_of(KIND, data)(step or person())


def after(data: dict[str, Any], attributes: dict[str, Any], event: dict[str, Any] | None = None) -> dict[str, Any]:
    """The attributes afterwards."""
    done, changed = outcome(data, person(attributes=dict(attributes), event=event)), dict(attributes)
    assert isinstance(done, Done), done
    for effect in done.effects:
        effect.change({}, changed, [])
    return changed


@pytest.mark.parametrize(
    ("before", "item", "result"),
    [
        (None, "a", ["a"]),
        ([], 1, [1]),
        (["a"], "a", ["a", "a"]),
        (["a"], ["b", ["c"]], ["a", "b", ["c"]]),
        ([1], {"k": True}, [1, {"k": True}]),
        (["a"], None, ["a"]),
        (["a"], "", ["a"]),
    ],
)
def test_an_item_comes_last_and_a_list_adds_all_its_items(before: Any, item: Any, result: list[Any]) -> None:
    """A placeholder that comes out empty adds nothing."""
    stored = {} if before is None else {"l": before}
    assert after({"append": {"l": "{{ event.item }}"}}, stored, {"item": item}) == {"l": result}
    if item not in (None, ""):
        assert after({"append": {"attributes.l": item}}, stored) == {"l": result}


@pytest.mark.parametrize("before", ["a", 1, True, {"a": 1}, 0, ""])
def test_what_is_no_list_is_left_as_it_is(before: Any) -> None:
    failed = outcome({"set": {"x": 1}, "append": {"l": "a"}}, person(attributes={"l": before}))
    assert isinstance(failed, Fail) and failed.permanent and failed.effects == ()
    assert failed.error == "The attribute l was not changed. Nothing can be added to it: its value is not a list."


def test_a_list_that_grows_too_large_fails_in_words() -> None:
    full = person(attributes={"l": ["x" * 1_000] * 32})
    failed = outcome({"append": {"l": "y" * 1_000}}, full)
    assert isinstance(failed, Fail) and "32,768" in failed.error


def test_removing_empties_fields_and_needs_no_look_at_who_has_them() -> None:
    run = run_of(KIND, {"set": {"a": 1}, "unset": ["attributes.old", "phone"]})
    done = run(person(attributes={"old": 1}, phone="+49"))
    assert done is run(person())
    assert done.output == {"set": {"a": 1}, "unset": ["attributes.old", "phone"]}
    columns, attributes = {"phone": "+49"}, {"old": 1, "kept": 2}
    for effect in done.effects:
        effect.change(columns, attributes, [])
    assert (columns, attributes) == ({"phone": None}, {"a": 1, "kept": 2})


@pytest.mark.parametrize(
    ("before", "amount", "result"),
    [(1, 2, 3), (0.1, 0.2, 0.3), (None, "4", 4), ("5", 0.5, 5.5), (1, "2.50", 3.5), (3, -1, 2), (2, 1.0, 3)],
)
def test_an_amount_may_be_a_placeholder(before: Any, amount: Any, result: float) -> None:
    stored = {} if before is None else {"n": before}
    assert after({"increment": {"n": "{{ event.by }}"}}, stored, {"by": amount}) == {"n": result}
    done = outcome({"increment": {"n": "{{ event.by }}"}}, person(attributes=stored, event={"by": amount}))
    assert [type(effect) for effect in done.effects] == [SetFields], (
        "each person's sum, not a statement for each amount"
    )


@pytest.mark.parametrize(
    ("amount", "words"),
    [(None, "came out empty"), ("", "came out empty"), ("ten", "“ten” is not a number"), (True, "true is not"), ([1], "[1] is")],
)  # fmt: skip
def test_an_amount_that_is_no_number_fails_in_words(amount: Any, words: str) -> None:
    failed = outcome({"increment": {"n": "{{ event.by }}"}}, person(event={"by": amount}))
    assert isinstance(failed, Fail) and failed.permanent and words in failed.error


def test_constant_amounts_stay_the_same_for_everybody() -> None:
    """Counting up by one is written once for all, however it is stored."""
    run = run_of(KIND, {"increment": {"n": 1}})
    assert [type(effect) for effect in run(person(attributes={"n": 7})).effects] == [Increment]
    assert run(person(attributes={"n": 7})) is run(person(attributes={"n": 8}))


def test_what_is_set_may_be_counted_on_and_added_to() -> None:
    data = {"set": {"n": 5, "l": ["a"]}, "increment": {"n": 1}, "append": {"l": "b"}}
    assert after(data, {"n": 100, "l": ["z"]}) == {"n": 6, "l": ["a", "b"]}


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"append": {"phone": "1"}}, "append.phone", "phone is no list"),
        ({"append": {"email": "1"}}, "append.email", "cannot be changed"),
        ({"append": {"a b": 1}}, "append.a b", "Send “a_b”"),
        ({"append": {"l": "x" * 40_000}}, "append.l", "32,768"),
        ({"unset": ["email"]}, "unset", "cannot be changed"),
        ({"unset": ["a b"]}, "unset", "Send “a_b”"),
        ({"unset": ["a"], "set": {"attributes.a": 1}}, "unset", "changed twice"),
        ({"increment": {"a": 1}, "append": {"a": 1}}, "append.a", "changed twice"),
        ({"increment": {"a": "ten"}}, "increment.a", "Write a number, or type {{"),
        ({"increment": {"a": True}}, "increment.a", "Send"),
        ({"unset": [f"a{n}" for n in range(51)]}, "set", "50"),
    ],
)
def test_bad_configurations(data: dict[str, Any], path: str, words: str) -> None:
    found = registry.diagnostics(KIND, data)
    assert [one.path for one in found] == [path] and words in found[0].message


def test_it_tells_what_it_does_and_did() -> None:
    data = {"increment": {"n": -2, "m": "{{ event.total }}"}, "append": {"l": "{{ event.item }}"}, "unset": ["old"]}
    config = registry.config_of(KIND, data)
    assert KIND.summary(config) == "n − 2, m + event total, l gets event item, old removed"
    assert set(KIND.writes(config)) == {"n", "m", "l"}
    output = outcome(data, person(attributes={"l": ["a"]}, event={"total": 1, "item": "b"})).output
    assert output == {"increment": {"n": -2, "m": 1}, "append": {"l": ["a", "b"]}, "unset": ["old"]}
    record = type("Step", (), {"output": output})()
    assert KIND.explain(config, record) == "Changed n, m, l. Removed old."


def test_placeholders_in_words() -> None:
    assert in_words("Hi {{ contact.attributes.first_name | default: 'there' }}!") == "Hi first_name!"
    assert in_words("{% if event.a %}x{% endif %}") == "…x…"
    assert in_words("") == "…" and in_words(["{{ event.a }}", 1]) == "event a, 1"
